from django.urls import path

from generation import views

urlpatterns = [
    path("p/<slug:slug>/studio/", views.studio, name="studio"),
    path("p/<slug:slug>/library/", views.library, name="library"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/", views.job, name="job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/live/", views.job_live, name="job_live"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/preview/", views.job_preview, name="job_preview"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/cancel/", views.cancel_job, name="cancel_job"),
]
