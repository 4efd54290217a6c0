"""Options and their values that more than one command takes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ninefold.integrations.credentials import ConnectionOptions
from ninefold.kube.arguments import duration, labels

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def length(text: str) -> timedelta:
    """The time in "10m"; raises an error that argparse turns into a message."""
    return timedelta(seconds=duration(text))


def reason(text: str) -> str:
    """Why a user acts; raises an error that argparse turns into a message for a reason without words, such as the dots
    of a copied command."""
    if not any(map(str.isalnum, text)):
        raise argparse.ArgumentTypeError(f"{text!r} says nothing: write why, for the record")
    return text


def http_url(text: str) -> str:
    """The address of a server; raises an error that argparse turns into a message, without a password."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        shown = "this" if "@" in text else repr(text)
        raise argparse.ArgumentTypeError(
            f"{shown} is not an address: write an address such as http://prometheus-operated.monitoring:9090"
        )
    return text


def header(text: str) -> tuple[str, str]:
    """The header in "name=value"; raises an error that argparse turns into a message."""
    name, equals, value = text.partition("=")
    if not equals or not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form Name=value")
    if name.lower() == "authorization":
        raise argparse.ArgumentTypeError("write it into a file, and name this file as token file or password file")
    return name, value


def add_access(parser: argparse._ActionsContainer, path: Callable[[str], Path] | None = None) -> None:
    """The options for requests to a Prometheus, except its address. By default the files must exist."""
    file: dict[str, Any] = {"type": path or present, "metavar": "FILE"}
    parser.add_argument("--prometheus-ca-file", **file, help="verify it by this CA")
    parser.add_argument("--prometheus-token-file", **file, help="bearer token, read for each request")
    parser.add_argument("--prometheus-username", default="", metavar="NAME", help="basic authentication")
    parser.add_argument("--prometheus-password-file", **file, help="password of the user, read for each request")
    parser.add_argument("--prometheus-cert-file", **file, help="client certificate, read again when it changes")
    parser.add_argument("--prometheus-key-file", **file, help="key of the client certificate")
    parser.add_argument(
        "--prometheus-header",
        type=header,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a header of each request, such as the tenant: X-Scope-OrgID=shop",
    )
    parser.add_argument(
        "--cluster-label",
        type=labels,
        default={},
        metavar="K=V,...",
        help="labels that a query frontend adds to all series of this cluster: only such series are read",
    )


def access(options: argparse.Namespace, address: str, **further: Any) -> ConnectionOptions:
    """The connection options from the command line."""
    return ConnectionOptions(
        address,
        ca_file=options.prometheus_ca_file,
        token_file=options.prometheus_token_file,
        username=options.prometheus_username,
        password_file=options.prometheus_password_file,
        cert_file=options.prometheus_cert_file,
        key_file=options.prometheus_key_file,
        headers=dict(options.prometheus_header),
        external_labels=options.cluster_label,
        **further,
    )


def present(text: str) -> Path:
    """A file that exists; raises an error that argparse turns into a message."""
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)
