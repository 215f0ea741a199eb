"""The doctor's checks against machines that lack something; no Spark is started."""

from __future__ import annotations

import io
import os
import sys
from importlib import metadata
from pathlib import Path

import pytest
from rich.console import Console

from jobs import doctor, java, resolve, versions
from jobs.errors import ThreestepError


def make_java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with no Java, no jars and an empty home."""
    monkeypatch.setenv("JAVA_HOME", "")  # so that what the code sets is undone after the test
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.delenv("THREESTEP_IVY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(java, "_FOLDERS", (str(tmp_path / "jvm"),))
    monkeypatch.setattr(resolve, "maven_home", lambda: tmp_path / "m2")
    return tmp_path


def make_pom(repository: Path, package: str, body: str = "", *, jar: bool = False) -> Path:
    group, artifact, version = package.split(":")
    folder = repository.joinpath(*group.split("."), artifact, version)
    folder.mkdir(parents=True)
    pom = folder / f"{artifact}-{version}.pom"
    pom.write_text(f'<project xmlns="http://maven.apache.org/POM/4.0.0">{body}</project>')
    if jar:
        pom.with_suffix(".jar").write_bytes(b"")
    return folder


def test_without_java_the_check_fails_and_names_the_package(bare: Path) -> None:
    check = doctor.check_java()
    assert check.ok is False
    assert "openjdk-17-jre-headless" in check.remedy
    with pytest.raises(ThreestepError, match="openjdk-17-jre-headless"):
        java.ensure_java()
    assert "JAVA_HOME" not in os.environ


def test_unsuitable_java_is_named(bare: Path) -> None:
    make_java(bare / "jvm" / "temurin-25", "25.0.1")
    make_java(bare / "jvm" / "java-8", "1.8.0_402")
    check = doctor.check_java()
    assert check.ok is False
    assert "25.0.1" in check.found and "1.8.0_402" in check.found


def test_java_17_is_preferred_unless_java_home_suits(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = make_java(bare / "jvm" / "a-21", "21.0.4")
    wanted = make_java(bare / "jvm" / "b-17", "17.0.15")
    unsuitable = make_java(bare / "elsewhere", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(unsuitable))
    assert java.ensure_java() == wanted
    assert os.environ["JAVA_HOME"] == str(wanted)
    monkeypatch.setenv("JAVA_HOME", str(newer))
    assert java.ensure_java() == newer


def test_pom_without_jar_is_found_for_packages_and_what_they_need(bare: Path) -> None:
    delta = versions.PACKAGES[0]
    needs = (
        "<dependencies><dependency><groupId>io.delta</groupId><artifactId>delta-storage</artifactId>"
        "<version>4.4.0</version></dependency></dependencies>"
    )
    make_pom(bare / "m2", delta, needs, jar=True)
    broken = make_pom(bare / "m2", "io.delta:delta-storage:4.4.0")
    make_pom(bare / "m2", "org.other:nobody-needs-it:1")
    make_pom(bare / "m2", versions.PACKAGES[1], "<packaging>pom</packaging>")
    assert resolve.poms_without_jar() == [broken]
    check = doctor.check_maven()
    assert check.ok is None
    assert str(broken) in check.found


def test_empty_maven_repository_is_not_in_the_way(bare: Path) -> None:
    assert doctor.check_maven().ok is True


def test_version_mismatch_and_missing_package_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def pretended(name: str) -> str:
        if name == "opendp":
            raise metadata.PackageNotFoundError(name)
        return {"pandas": "3.0.1", "pyspark": "4.1.0"}.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", pretended)
    by_name = {check.name: check for check in doctor.check_packages()}
    assert {name for name, check in by_name.items() if check.ok is False} == {"pyspark", "pandas", "opendp"}
    assert "4.1.0" in by_name["pyspark"].found
    assert "pyspark==4.0.5" in by_name["pyspark"].remedy
    assert "not installed" in by_name["opendp"].found


def test_pins_of_python_and_java_sides_agree() -> None:
    pins = {need.name: str(need.specifier) for need in doctor.requirements()}
    jars = {artifact: version for _, artifact, version in (p.split(":") for p in versions.PACKAGES)}
    assert pins["delta-spark"] == "==4.4.0" == f"=={jars['delta-spark_4.0_2.13']}"
    assert pins["apache-sedona"] == "==1.8.0" == f"=={jars['sedona-spark-shaded-4.0_2.13']}"
    assert pins["pyspark"].startswith("==4.0.")
    needed = {
        "apache-sedona",
        "delta-spark",
        "deltalake",
        "great-expectations",
        "holidays",
        "opendp",
        "pandas",
        "pyspark",
    }
    assert {check.name for check in doctor.check_packages()} == needed


def test_another_spark_in_the_environment_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert doctor.check_spark_home().ok is None
    monkeypatch.delenv("SPARK_HOME")
    assert doctor.check_spark_home().ok is True


def test_marker_counts_only_while_complete(bare: Path) -> None:
    folder = bare / ".ivy2.5.2" / "jars"
    folder.mkdir(parents=True)
    assert doctor.check_jars().ok is None
    (folder / "a.jar").write_bytes(b"")
    (folder / "not-ours.jar").write_bytes(b"")
    resolve._write_marker(folder, ["a.jar"])
    assert versions.resolved_jars() == [folder / "a.jar"]
    assert resolve.ensure_jars() == [folder / "a.jar"]
    (folder / "a.jar").unlink()
    assert versions.resolved_jars() == []


def test_failed_resolution_names_the_folder_to_move(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_java(bare / "jvm" / "17", "17.0.15")
    broken = make_pom(bare / "m2", versions.PACKAGES[0])
    log = "(spark.secret,hush)\n[NOT FOUND  ] x\n:: io.delta#delta-spark_4.0_2.13;4.4.0: not found\n"
    monkeypatch.setattr(resolve, "_submit", lambda home, *options: ([], log))
    with pytest.raises(ThreestepError) as caught:
        resolve.ensure_jars()
    assert str(broken) in str(caught.value)
    assert "THREESTEP_IVY" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert doctor.check_private("key store", folder).ok is False
    assert doctor.check_private("scratch", folder, made_later=True).ok is True
    folder.mkdir()
    folder.chmod(0o755)
    assert doctor.check_private("key store", folder).remedy == f"chmod 700 {folder}"
    folder.chmod(0o700)
    assert doctor.check_private("key store", folder).ok is True
    (tmp_path / "link").symlink_to(folder)
    assert doctor.check_private("key store", tmp_path / "link").ok is False


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(("states", "code"), [((True, None), 0), ((True, False), 1)])
def test_exit_code_and_output(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, states: tuple[bool | None, ...], code: int
) -> None:
    found = [doctor.Check(f"check{n}", ok, "[x] found", "do this") for n, ok in enumerate(states)]
    monkeypatch.setattr(doctor, "checks", lambda **_: found)
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)
    assert doctor.run_doctor(console) == code
    assert "[x] found" in out.getvalue() and "do this" in out.getvalue()


def test_everything_but_live_checks_runs_here(bare: Path) -> None:
    names = [check.name for check in doctor.checks(key_store=bare)]
    assert {"Python", "Java", "memory", "cores", "key store"} <= set(names)
    assert "session" not in names and "jobs.doctor_live" not in sys.modules
