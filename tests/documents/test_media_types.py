"""What content is, whatever its sender says."""

import io
import zipfile
from time import process_time

import pytest

from services.documents.records.rules import declared_type, names_a_program, settle_media_type
from services.documents.records.sniffing import is_program, media_types
from tests.documents.uploading import PDF, nothing_left, send
from tests.fixtures.services import Harness, problem


def archive(*names: str, mimetype: str | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        if mimetype:
            target.writestr(zipfile.ZipInfo("mimetype"), mimetype)
        for name in names:
            target.writestr(name, "some content " * 20)
    return packed.getvalue()


OPEN_XML = "application/vnd.openxmlformats-officedocument."
WORD, EXCEL = f"{OPEN_XML}wordprocessingml.document", f"{OPEN_XML}spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
DOCX = archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
JAR = archive("META-INF/MANIFEST.MF", "Main.class")
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(32)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1" + bytes(64)
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
EXE = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + bytes(100) + b"PE\0\0"
NOISE = bytes(range(256)) * 4
SVG = b'<?xml version="1.0"?>\n<!-- a <picture> -->\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'
INVOICE = b'\xef\xbb\xbf<?xml version="1.0"?>\n<ubl:Invoice xmlns:ubl="urn:x"><a/></ubl:Invoice>'


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\xef\xbb\xbf\r\n" + PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a" + bytes(30), "image/gif"),
        (b"II*\0" + bytes(30), "image/tiff"),
        (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30), "image/webp"),
        (b"\x1f\x8b\x08\0" + bytes(30), "application/gzip"),
        (archive("a.txt"), "application/zip"),
        (DOCX, WORD),
        (archive("[Content_Types].xml", "xl/workbook.xml"), EXCEL),
        (archive("content.xml", mimetype=ODT), ODT),
        (archive("content.xml", mimetype="text/html"), "application/zip"),
        (OLE, "application/x-ole-storage"),
        (INVOICE, "application/xml"),
        (b"<Invoice xmlns='urn:x'/>", "application/xml"),
        (b"{\\rtf1\\ansi hola}", "application/rtf"),
        ("Año, señal y camión".encode(), "text/plain"),
        ("Año, señal y camión".encode("latin-1"), "text/plain"),
        ("Año, señal y camión".encode("utf-16"), "text/plain"),
        (("x" * 8191 + "ñ").encode()[:8192], "text/plain"),
        (b"BM is a firm, MZ is another; PK too", "text/plain"),
        (b"<ana@example.com> wrote:", "text/plain"),
        (b"  <!DocType HTML><p>", "text/html"),
        ("<script>alert(1)</script>".encode("utf-16"), "text/html"),
        (b"<!-- x --><body onload=alert(1)>", "text/html"),
        (b"<!-- never closed", "text/html"),
        (SVG, "image/svg+xml"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "application/xhtml+xml"),
        (NOISE, "application/octet-stream"),
    ],
)
def test_undeclared_content_is_recognised(content: bytes, media_type: str) -> None:
    assert settle_media_type(None, content) == media_type


@pytest.mark.parametrize(
    ("declared", "content", "kept"),
    [
        ("text/csv", b"a;b\n1;2\n", "text/csv"),
        ("application/json", b'{"a": 1}', "application/json"),
        ("message/rfc822", b"From: a@b\r\n\r\nHola", "message/rfc822"),
        ("text/plain", INVOICE, "text/plain"),
        ("text/xml", INVOICE, "application/xml"),
        ("application/vnd.oasis.ubl+xml", INVOICE, "application/vnd.oasis.ubl+xml"),
        ("image/jpg", JPEG, "image/jpeg"),
        (WORD, archive("[Content_Types].xml", "_rels/.rels"), WORD),
        ("application/zip", DOCX, WORD),
        ("application/msword", OLE, "application/msword"),
        ("application/x-sap-idoc", NOISE, "application/x-sap-idoc"),
        ("application/xml", SVG, "image/svg+xml"),
        ("text/html", b"<p>Hola</p>", "text/html"),
        ("text/html", b"Hola <b>Ana</b>", "text/html"),
        ("audio/mpeg", b"\xff\xfb\x90\x44" + bytes(60), "audio/mpeg"),
    ],
)
def test_a_declaration_is_kept_where_the_content_bears_it_out(declared: str, content: bytes, kept: str) -> None:
    assert settle_media_type(declared, content) == kept


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("application/pdf", b"<html><script>alert(1)</script>"),
        ("text/plain", b"<html><script>alert(1)</script>"),
        ("application/xml", b"<!doctype html>"),
        ("text/csv", SVG),
        ("image/png", SVG),
        ("application/pdf", b"Not a PDF at all"),
        ("application/pdf", NOISE),
        ("application/pdf", JPEG),
        ("image/png", JPEG),
        ("image/png", NOISE),
        ("text/plain", NOISE),
        ("text/plain", PDF),
        ("text/html", NOISE),
        (EXCEL, DOCX),
        ("application/msword", DOCX),
        (WORD, OLE),
        ("application/zip", OLE),
    ],
)
def test_a_wrong_declaration_is_seen(declared: str, content: bytes) -> None:
    assert settle_media_type(declared, content) is None


@pytest.mark.parametrize(
    "content",
    [
        EXE,
        b"\x7fELF\2\1\1" + bytes(60),
        b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(20),
        b"\xcf\xfa\xed\xfe" + bytes(30),
        b"#!/bin/sh\nrm -rf /\n",
        b"\xef\xbb\xbf#! /usr/bin/env python\n",
        b"<?php system($_GET['c']); ?>",
        b"L\0\0\0\x01\x14\x02\0" + bytes(60),
        JAR,
        archive("AndroidManifest.xml", "classes.dex"),
    ],
)
async def test_a_program_is_refused_whatever_it_says_it_is(documents: Harness, tenant: str, content: bytes) -> None:
    assert is_program(content)
    for declared in ("application/pdf", "application/octet-stream", "application/zip"):
        refused = await send(documents, tenant, content, headers={"Content-Type": declared})
        assert (refused.status_code, problem(refused)["code"]) == (415, "executable-content")
    assert await nothing_left(documents, tenant)


@pytest.mark.parametrize(
    "content", [PDF, PNG, DOCX, OLE, INVOICE, b"MZ-2026, oficina\n", b"#! a heading\n", b"", NOISE]
)
def test_other_content_is_no_program(content: bytes) -> None:
    assert not is_program(content)


@pytest.mark.parametrize(
    ("declared", "filename", "is_one"),
    [
        ("application/x-msdownload", None, True),
        ("text/javascript", "notes.txt", True),
        (None, "Factura.PDF.exe", True),
        (None, "macro.VBS", True),
        ("application/pdf", "exe", False),
        (None, "exe.pdf", False),
        (None, None, False),
    ],
)
def test_names_and_types_of_programs_are_known(declared: str | None, filename: str | None, is_one: bool) -> None:
    assert names_a_program(declared, filename) is is_one


async def test_a_wrong_declaration_is_refused_with_what_was_found(documents: Harness, tenant: str) -> None:
    html = b"<!DOCTYPE html><script>steal()</script>"
    refused = await send(documents, tenant, html, headers={"Accept-Language": "es"})
    document = problem(refused)
    assert (refused.status_code, document["code"]) == (415, "media-type-mismatch")
    assert (document["declared"], document["found"]) == ("application/pdf", "text/html")
    assert document["title"] == "Tipo de contenido no admitido"
    named = await send(documents, tenant, filename="factura.pdf.scr")
    assert problem(named)["code"] == "executable-content"
    assert await nothing_left(documents, tenant)


async def test_the_found_type_is_kept_beside_the_declared_one(documents: Harness, tenant: str) -> None:
    found = (await send(documents, tenant, DOCX, headers={"Content-Type": "application/zip; x=y"})).json()
    assert (found["media_type"], found["declared_type"]) == (WORD, "application/zip")
    curl = {"Content-Type": "application/x-www-form-urlencoded"}
    found = (await send(documents, tenant, PNG, headers=curl)).json()
    assert (found["media_type"], found["declared_type"]) == ("image/png", None)


def test_a_declaration_is_read_without_its_parameters() -> None:
    assert declared_type(' Text/CSV; charset="utf-8"') == "text/csv"
    assert declared_type(None) is declared_type("") is declared_type("application/octet-stream") is None


@pytest.mark.parametrize(
    "content",
    [b"<!--" * 2048, b"<?" * 4096, b"<!DOCTYPE [" * 700, b"<!-- -->" * 1024, b" <" * 4096, b"PK\3\4" * 2048],
)
def test_no_content_makes_looking_at_it_slow(content: bytes) -> None:
    begun = process_time()
    media_types(content)
    is_program(content)
    assert process_time() - begun < 0.25
