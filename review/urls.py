from django.urls import path

from review.views import artists, public, reviewers

urlpatterns = [
    path("p/<slug:slug>/policy/", artists.policy, name="policy"),
    path("p/<slug:slug>/outputs/<uuid:output_id>/share/", artists.submit, name="submit"),
    path("p/<slug:slug>/submissions/", artists.submissions, name="submissions"),
    path("p/<slug:slug>/submissions/<uuid:submission_id>/", artists.submission, name="submission"),
    path("p/<slug:slug>/submissions/<uuid:submission_id>/withdraw/", artists.withdraw, name="withdraw"),
    path("p/<slug:slug>/submissions/<uuid:submission_id>/link/", artists.open_link, name="open_link"),
    path("p/<slug:slug>/submissions/<uuid:submission_id>/link/revoke/", artists.revoke_link, name="revoke_link"),
    path("p/<slug:slug>/review/", reviewers.review_queue, name="review_queue"),
    path("p/<slug:slug>/review/next/", reviewers.review_next, name="review_next"),
    path("p/<slug:slug>/review/<uuid:look_id>/", reviewers.review, name="review"),
    path("p/<slug:slug>/review/<uuid:look_id>/claim/", reviewers.review_claim, name="review_claim"),
    path("p/<slug:slug>/review/<uuid:look_id>/reveal/", reviewers.review_reveal, name="review_reveal"),
    path("p/<slug:slug>/review/<uuid:look_id>/renew/", reviewers.review_renew, name="review_renew"),
    path("p/<slug:slug>/review/<uuid:look_id>/release/", reviewers.review_release, name="review_release"),
    path("p/<slug:slug>/review/<uuid:look_id>/decide/", reviewers.decide, name="decide"),
    path("p/<slug:slug>/review/decisions/<uuid:decision_id>/undo/", reviewers.review_undo, name="review_undo"),
    path("s/<str:token>/", public.share_page, name="share_page"),
    path("s/<str:token>/<slug:recipe>/", public.share_media, name="share_media"),
]
