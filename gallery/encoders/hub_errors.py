"""The errors between this machine and the model hub, in one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from gallery.errors import EncoderError

_AGAIN = "run the same command again to continue"


def offline_error(repository: str) -> EncoderError:
    """Return the error for a missing repository while the network must not be used."""
    return EncoderError(
        f"{repository} is not on this machine and HF_HUB_OFFLINE is set; unset it, or bring an encoder folder from "
        "another machine and give it with --encoder FOLDER"
    )


@contextmanager
def saying(repository: str, endpoint: str, patience: float) -> Iterator[None]:
    """Turn errors of the hub's client about `repository` into an `EncoderError` of one sentence."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise offline_error(repository) from error
    except (httpx2.HTTPError, HFValidationError) as error:
        raise EncoderError(_sentence(error, repository, endpoint, patience)) from error


def _sentence(error: Exception, repository: str, endpoint: str, patience: float) -> str:
    match error:
        case HFValidationError():
            says = f"{repository} is not a name on the model hub; give OWNER/NAME, or a folder with a slash in its name"
        case GatedRepoError():
            says = (
                f"{repository} is given only to those who accept its terms: accept them at {endpoint}/{repository} and "
                "set HF_TOKEN"
            )
        case RevisionNotFoundError() | RemoteEntryNotFoundError():
            says = f"{repository} has changed at the model hub and lacks what is needed; use another --encoder"
        case RepositoryNotFoundError():
            says = f"the model hub has no {repository}, or it is private; check the name, or set HF_TOKEN"
        case HfHubHTTPError():
            says = f"the model hub answers {error.response.status_code} for {repository}; try later: {_AGAIN}"
        case httpx2.ReadTimeout():
            says = f"the model hub sent nothing of {repository} for {patience:g} seconds; {_AGAIN}"
        case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.ProxyError():
            says = (
                f"the model hub cannot be reached at {endpoint} ({_why(error)}); check the network, set HF_ENDPOINT to "
                "a mirror, or use --encoder conse, which needs no download"
            )
        case _:
            says = f"the connection to the model hub broke while {repository} arrived ({_why(error)}); {_AGAIN}"
    return says


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
