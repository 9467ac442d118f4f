"""The shape of the house: import direction, one clock, thin tasks, views that do not write, no junk drawers."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

ROOT = Path(settings.BASE_DIR)
FLOORS = ("access", "generation", "review", "vernissage")


def modules(*, migrations: bool = False) -> list[Path]:
    found = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
    return [path for path in found if migrations or "migrations" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (child for child in ast.walk(node) if isinstance(child, ast.Call))


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain; what it hangs on is ``…`` if it is not a plain name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "…"


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- imports ----------------------------------------------------------------------------------------------------------


def test_imports_run_one_way() -> None:
    """The contracts of import-linter, in pyproject.toml."""
    code = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "imports run one way KEPT" in done.stdout
    assert " 0 broken" in done.stdout


def test_a_web_process_loads_no_models() -> None:
    code = (
        "import os, sys, json; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup(); "
        "from django.urls import get_resolver; get_resolver().url_patterns; "
        "import vernissage.asgi, access.tasks, generation.tasks, review.tasks, generation.rendering; "
        "heavy = ('torch', 'diffusers', 'transformers', 'accelerate'); "
        "loaded = [name for name in heavy if name in sys.modules]; "
        "print(json.dumps({'heavy': loaded, 'ours': 'generation.views' in sys.modules}))"
    )
    assert json.loads(python(code).splitlines()[-1]) == {"heavy": [], "ours": True}


# --- the schema -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


# --- clock, names, tasks, views ---------------------------------------------------------------------------------------


def test_there_is_one_clock() -> None:
    asked = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "timezone.now", "timezone.localdate"}
    found = set()
    for path in modules(migrations=True):
        for call in calls(tree(path)):
            if dotted(call.func).endswith(tuple(asked)):
                found.add(name(path))
    assert found == {"access/clock.py"}


def test_the_database_is_not_asked_for_the_time_behind_the_clocks_back() -> None:
    asked = {"Now", "TransactionNow", "StatementTimestamp"}
    found = [
        name(path)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and asked & {alias.name for alias in node.names}
    ]
    assert found == []


def test_there_is_no_junk_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "core", "services", "service", "managers", "misc", "lib"}
    names = {path.stem for path in modules()} | {part for path in modules() for part in path.relative_to(ROOT).parts}
    assert names & drawers == set()


def test_the_wiring_holds_no_code_of_its_own() -> None:
    found = {path.stem for path in (ROOT / "vernissage").glob("*.py")}
    assert found <= {"__init__", "settings", "urls", "celery", "asgi", "admin", "apps"}


def tasks() -> list[tuple[str, ast.FunctionDef]]:
    paths = sorted(ROOT.glob("*/tasks.py"))
    return [(f"{name(path)}:{n.name}", n) for path in paths for n in tree(path).body if isinstance(n, ast.FunctionDef)]


def test_a_task_calls_one_verb_and_does_nothing_else() -> None:
    assert len(tasks()) >= 4
    for where, task in tasks():
        decorators = {dotted(d.func) if isinstance(d, ast.Call) else dotted(d) for d in task.decorator_list}
        assert decorators == {"shared_task"}, where
        body = [node for node in task.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]  # its docstring
        assert len(body) == 1, f"{where} does more than one thing"
        (only,) = body
        assert isinstance(only, ast.Expr) and isinstance(only.value, ast.Call), f"{where} does not call a verb"
        assert len(list(calls(only))) == 1, where
        assert "." in dotted(only.value.func), f"{where} should call a verb of a module"


def test_every_task_has_its_name_written_out() -> None:
    for where, task in tasks():
        (decorator,) = task.decorator_list
        assert isinstance(decorator, ast.Call), where
        names = [keyword.value for keyword in decorator.keywords if keyword.arg == "name"]
        assert names and isinstance(names[0], ast.Constant), f"{where}: a rename would orphan queued messages"


def view_modules() -> list[Path]:
    return [path for path in modules() if path.stem == "views" or "views" in path.parent.parts[-1:]]


WRITES = {"create", "save", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "raw"}
READ_MARKS = {"read_at"}  # a notice that was read is no state of anything


def test_views_write_nothing_themselves() -> None:
    """What changes goes through a verb, which refuses, remembers, traces and tells."""
    assert {name(path) for path in view_modules()} >= {"access/views.py", "generation/views/studio.py"}
    found = []
    for path in view_modules():
        for call in calls(tree(path)):
            written = {keyword.arg for keyword in call.keywords if keyword.arg} - READ_MARKS
            method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if method in WRITES or (method == "update" and written):
                found.append(f"{name(path)}:{call.lineno} {method}")
    assert found == []


def takes_request(path: Path) -> bool:
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    return any("request" in {arg.arg for arg in function.args.args} for function in functions)


def test_requests_stay_in_views() -> None:
    """A verb never sees the request: it can be called by the web, the admin, a task or a test."""
    edge = {"audiences", "middleware", "context", "admin", "accounts", "media"}
    found = {path for path in modules() if takes_request(path)} - set(view_modules())
    assert {path.stem for path in found} <= edge


def test_there_are_no_model_signals() -> None:
    found = [
        name(path)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.db.models.signals")
    ]
    assert found == []


INLINE = (" style=", " onclick=", " onload=", " onsubmit=", " onchange=", "javascript:", "<style")


def test_templates_hold_no_inline_script_or_style() -> None:
    """The site's policy would refuse them in the browser; here they are refused before."""
    templates = sorted((ROOT / "templates").rglob("*.html"))
    assert len(templates) > 10
    assert [(str(path), bad) for path in templates for bad in INLINE if bad in path.read_text()] == []
