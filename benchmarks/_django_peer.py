"""The peer of the survey benchmark: the same form by a Django view with form and ORM, as its tutorial writes it, and the
same rows with our columns, indexes and constraints. Its file is not encrypted, and no try is counted."""

import os
from pathlib import Path

import django
from django import forms
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for a benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(os.environ["PEER_FOLDER"]) / "django.db",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    },
)
django.setup()


class Customer(models.Model):
    """Somebody the shop knows."""

    class Meta:
        app_label = "peer"


class Link(models.Model):
    """Whatever else a run may point at: its round, place, invitation, visit, whom it is about and who asked."""

    class Meta:
        app_label = "peer"


class Survey(models.Model):
    """A questionnaire."""

    slug = models.CharField(max_length=60, unique=True)

    class Meta:
        app_label = "peer"


class Version(models.Model):
    """What it asks at a time."""

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE)

    class Meta:
        app_label = "peer"


def _rare(name: str) -> models.ForeignKey:
    return models.ForeignKey(Link, on_delete=models.RESTRICT, null=True, db_index=False, related_name=name)


_RARE = ("wave", "place", "visit", "staff", "interviewer")


class Question(models.Model):
    """One of its questions."""

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE)
    key = models.CharField(max_length=40)
    scale_max = models.IntegerField(default=5)

    class Meta:
        app_label = "peer"


class Response(models.Model):
    """One customer's run: our columns, indexes and constraints."""

    survey = models.ForeignKey(Survey, on_delete=models.RESTRICT)
    version = models.ForeignKey(Version, on_delete=models.RESTRICT)
    wave, place, visit, staff, interviewer = map(_rare, _RARE)
    invitation = models.OneToOneField(Link, on_delete=models.SET_NULL, null=True, related_name="run")
    store = models.ForeignKey(Link, on_delete=models.RESTRICT, null=True, related_name="store")
    mode = models.CharField(max_length=20, default="open")
    way = models.CharField(max_length=20, default="qr")
    channel = models.CharField(max_length=20, default="store")
    is_suspect = models.BooleanField(default=False)
    gift_code = models.CharField(max_length=12, null=True, unique=True)
    gift_until_on = models.DateField(null=True)
    gift_used_at = models.DateTimeField(null=True)
    submission_id = models.CharField(max_length=64, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True)
    state = models.CharField(max_length=20, default="partial")
    score = models.IntegerField(null=True)
    nps = models.IntegerField(null=True)
    is_low = models.BooleanField(default=False)
    contact_name = models.CharField(max_length=80, default="")
    contact_phone = models.BinaryField(null=True)
    contact_masked = models.CharField(max_length=24, default="")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "peer"
        indexes = (
            models.Index(fields=["finished_at", "id"], name="finished_at_id"),
            models.Index(fields=["started_at", "id"], name="started_at_id"),
            models.Index(fields=["is_low", "finished_at"], name="is_low_finished_at"),
            *(
                models.Index(fields=[name], name=f"response_{name}", condition=models.Q(**{f"{name}__isnull": False}))
                for name in _RARE
            ),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(state__in=["partial", "finished"]), name="responsestate"),
            models.CheckConstraint(condition=models.Q(mode__in=["open", "anonymous", "identified"]), name="surveymode"),
            models.CheckConstraint(
                condition=models.Q(way__in=["qr", "kiosk", "web", "link", "interview", "observation", "api"]),
                name="responseway",
            ),
            models.CheckConstraint(
                condition=models.Q(channel__in=["store", "online", "wechat", "phone"]), name="salechannel"
            ),
            models.CheckConstraint(
                condition=~models.Q(mode="anonymous")
                | models.Q(
                    customer=None, contact_phone=None, contact_name="", invitation=None, visit=None, gift_code=None
                ),
                name="anonymous_is_nobody",
            ),
            models.CheckConstraint(
                condition=~models.Q(way__in=["interview", "observation"]) | models.Q(interviewer__isnull=False),
                name="interview_has_its_interviewer",
            ),
        )


class Answer(models.Model):
    """One answer: our columns, indexes and constraints."""

    response = models.ForeignKey(Response, on_delete=models.CASCADE)
    question = models.ForeignKey(Question, on_delete=models.RESTRICT)
    statement = models.IntegerField(default=0)
    question_key = models.CharField(max_length=40)
    value = models.TextField()
    number = models.IntegerField(null=True)
    is_hidden = models.BooleanField(default=False)

    class Meta:
        app_label = "peer"
        constraints = (models.UniqueConstraint(fields=["response", "question", "statement"], name="response_question"),)


class AnswerForm(forms.Form):
    """What a phone sends."""

    submission_id = forms.RegexField(r"^[A-Za-z0-9_-]{16,64}$")
    question = forms.SlugField()
    answer = forms.IntegerField(min_value=1, max_value=5)


def answer(request: HttpRequest, slug: str) -> HttpResponse:
    """Keeps one answer."""
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return HttpResponse("wrong", status=422)
    typed = form.cleaned_data
    survey = get_object_or_404(Survey, slug=slug)
    question = survey.question_set.filter(key=typed["question"]).first()
    if question is None:
        raise Http404
    with transaction.atomic():
        response, _ = Response.objects.get_or_create(
            submission_id=typed["submission_id"], defaults={"survey": survey, "version": survey.version_set.last()}
        )
        Answer.objects.update_or_create(
            response=response,
            question=question,
            statement=0,
            defaults={"question_key": question.key, "value": str(typed["answer"]), "number": typed["answer"]},
        )
    return HttpResponseRedirect(f"/s/{slug}?submission_id={typed['submission_id']}&question=next")


def alive(request: HttpRequest) -> HttpResponse:
    """Whether it answers."""
    return HttpResponse("ok")


urlpatterns = [path("healthz", alive), path("s/<slug:slug>", answer)]


def plant() -> None:
    """The tables and one survey."""
    with connection.schema_editor() as editor:
        for model in (Customer, Link, Survey, Version, Question, Response, Answer):
            editor.create_model(model)
    survey = Survey.objects.create(slug="satisfaction")
    Version.objects.create(survey=survey)
    Question.objects.create(survey=survey, key="product")
    connection.close()


if not Path(os.environ["PEER_FOLDER"], "django.db").exists():
    plant()
application = get_wsgi_application()
