"""The site on the disk: its files, whole or old and never half, and one writer at a time.

files   written aside and put in place together; what is ours alone
locks   who is at work here
"""

from publisher.site.files import (
    TEMPORARY,
    Batch,
    batch,
    ensure_private,
    private_umask,
    remove,
    shipped,
    sweep,
    write,
)
from publisher.site.locks import hold, holder, identify

__all__ = [
    "TEMPORARY",
    "Batch",
    "batch",
    "ensure_private",
    "hold",
    "holder",
    "identify",
    "private_umask",
    "remove",
    "shipped",
    "sweep",
    "write",
]
