from django.urls import path

from generation.views import jobs, library, studio

urlpatterns = [
    path("p/<slug:slug>/studio/", studio.studio, name="studio"),
    path("p/<slug:slug>/library/", library.library, name="library"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/", jobs.job, name="job"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/live/", jobs.job_live, name="job_live"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/preview/", jobs.job_preview, name="job_preview"),
    path("p/<slug:slug>/jobs/<uuid:job_id>/cancel/", jobs.cancel_job, name="cancel_job"),
]
