"""The documentation pages need nothing from elsewhere and run nothing but their own files."""

import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_the_page_loads_its_own_files_alone(site):
    page = site.anonymous.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        assert "//" not in address
        file = site.anonymous.get(f"/{address}")
        assert file.status_code == 200
        assert file.content


def test_the_page_may_run_no_script_but_its_own(site):
    policy = site.anonymous.get("/docs").headers["content-security-policy"]
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert directives["default-src"] == ["'none'"]
    assert directives["script-src"] == ["'self'"]
    assert directives["connect-src"] == ["'self'"]
    assert directives["frame-ancestors"] == ["'none'"]


def test_the_page_has_no_script_within(site):
    assert re.findall(r"<script(?![^>]*\bsrc=)", site.anonymous.get("/docs").text) == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_every_operation(site, tmp_path):
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=15000",
        "--dump-dom",
        f"{site.address}/docs",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "Unable to render" not in shown
    document = site.anonymous.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        assert f'data-path="{path}"' in shown.replace("\u200b", ""), path
        for operation in methods.values():
            assert operation["operationId"] in shown
