from django.urls import path

from generation.views import collections, compare, jobs, library, live, queue, studio

urlpatterns = [
    path("p/<slug:slug>/studio/", studio.studio, name="studio"),
    path("p/<slug:slug>/studio/draft/", studio.keep_draft, name="keep_draft"),
    path("p/<slug:slug>/studio/surprise/", studio.surprise, name="surprise"),
    path("p/<slug:slug>/studio/afresh/", studio.start_afresh, name="start_afresh"),
    path("p/<slug:slug>/studio/earlier/", studio.bring_back_draft, name="bring_back_draft"),
    path("p/<slug:slug>/studio/first-frame/", studio.upload_first_frame, name="upload_first_frame"),
    path("p/<slug:slug>/library/", library.library, name="library"),
    path("p/<slug:slug>/library/jobs/", library.job_history, name="job_history"),
    path("p/<slug:slug>/library/compare/", compare.compare, name="compare"),
    path("p/<slug:slug>/library/clips/<uuid:output_id>/star/", library.star, name="star"),
    path("p/<slug:slug>/library/clips/<uuid:output_id>/tag/", library.tag, name="tag"),
    path("p/<slug:slug>/library/collections/", collections.collections, name="collections"),
    path("p/<slug:slug>/library/collections/<uuid:collection_id>/", collections.collection, name="collection"),
    path(
        "p/<slug:slug>/library/collections/<uuid:collection_id>/delete/",
        collections.delete_collection,
        name="delete_collection",
    ),
    path("p/<slug:slug>/queue/", queue.queue, name="queue"),
    path("p/<slug:slug>/queue/pause/", queue.pause_queue, name="pause_queue"),
    path("p/<slug:slug>/queue/resume/", queue.resume_queue, name="resume_queue"),
    path("p/<slug:slug>/queue/cancel/", queue.cancel_queued, name="cancel_queued"),
    path("p/<slug:slug>/live/", live.live, name="live"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/", jobs.job, name="job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/live/", jobs.job_live, name="job_live"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/preview/", jobs.job_preview, name="job_preview"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/cancel/", jobs.cancel_job, name="cancel_job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/vary/", jobs.vary_job, name="vary_job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/repeat/", jobs.repeat_job, name="repeat_job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/retry/", jobs.retry_job, name="retry_job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/clip/", jobs.download_clip, name="download_clip"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/recipe/", jobs.download_recipe, name="download_recipe"),
]
