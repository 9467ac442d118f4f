from django.urls import path

from access import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("invitations/<str:token>/", views.invitation, name="invitation"),
    path("notices/", views.notices, name="notices"),
    path("media/<uuid:file_id>/", views.media_file, name="media"),
    path("p/<slug:slug>/agreements/", views.agreements, name="agreements"),
    path("p/<slug:slug>/terms/", views.terms, name="terms"),
    path("p/<slug:slug>/staff/", views.staff, name="staff"),
    path("p/<slug:slug>/staff/invite/", views.send_invitation, name="send_invitation"),
    path("p/<slug:slug>/staff/halt/", views.place_halt, name="place_halt"),
    path("p/<slug:slug>/staff/halts/<uuid:halt_id>/lift/", views.lift_halt, name="lift_halt"),
]
