"""The entries of `/api/v1` about repositories, images and tags."""

from moorage.core.call import Requirement
from moorage.http.api import (
    finding,
    previewing,
    recovering,
)
from moorage.http.api.route import AnyRoute, Route
from moorage.http.api.values import Nothing
from moorage.images.errors import (
    ImageGoneError,
    ImageLayersNotFoundError,
    ImageNotFoundError,
    ImageNotRemovedError,
    ImageTagAlreadyExistsError,
    NothingEarlierError,
    ReferencedImagesNotFoundError,
    TagNeverThereError,
)
from moorage.repositories.errors import LimitExceededError, RepositoryNotFoundError

_PUSHED = (
    RepositoryNotFoundError,
    ImageGoneError,
    ImageLayersNotFoundError,
    ReferencedImagesNotFoundError,
    LimitExceededError,
)
"""What a push of what was there before may answer."""

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        "GET",
        "/repositories/preview",
        previewing.preview_repository,
        "PreviewRepository",
        (
            Requirement(("ecr:DescribeRepositories",)),
            Requirement(("ecr:DescribeRepositoryCreationTemplates",), "*"),
        ),
        query=previewing.PreviewQuery,
        body=Nothing,
        answer=previewing.PreviewedRepository,
    ),
    Route(
        "GET",
        "/images",
        finding.search_images,
        "SearchImages",
        (Requirement(("ecr:DescribeImages",), "each"),),
        query=finding.ImageSearch,
        body=Nothing,
        answer=finding.FoundImages,
        errors=(RepositoryNotFoundError,),
    ),
    Route(
        "GET",
        "/images/removed",
        recovering.list_removed,
        "ListRemovedImages",
        (Requirement(("ecr:DescribeImages",)),),
        query=recovering.RemovedPage,
        body=Nothing,
        answer=recovering.RemovedImages,
        errors=(RepositoryNotFoundError,),
    ),
    Route(
        "POST",
        "/images/undelete",
        recovering.undelete_image,
        "UndeleteImage",
        (Requirement(("moorage:UndeleteImage",)),),
        query=Nothing,
        body=recovering.Undelete,
        answer=recovering.UndeletedImages,
        changes=True,
        subjects=recovering.undeleted,
        errors=(*_PUSHED, ImageNotFoundError, ImageNotRemovedError),
    ),
    Route(
        "POST",
        "/images/purge",
        recovering.purge_images,
        "PurgeImages",
        (Requirement(("moorage:PurgeImages",)),),
        query=Nothing,
        body=recovering.Purge,
        answer=recovering.Purged,
        changes=True,
        errors=(RepositoryNotFoundError, ImageNotFoundError, ImageNotRemovedError),
    ),
    Route(
        "GET",
        "/tags",
        finding.search_tags,
        "SearchTags",
        (Requirement(("ecr:DescribeImages",), "each"),),
        query=finding.TagSearch,
        body=Nothing,
        answer=finding.FoundTags,
        errors=(RepositoryNotFoundError,),
    ),
    Route(
        "GET",
        "/tags/history",
        recovering.tag_history,
        "GetTagHistory",
        (Requirement(("ecr:DescribeImages",)),),
        query=recovering.HistoryPage,
        body=Nothing,
        answer=recovering.TagMoves,
        errors=(RepositoryNotFoundError, TagNeverThereError),
    ),
    Route(
        "POST",
        "/tags/rollback",
        recovering.roll_back_tag,
        "RollBackTag",
        (Requirement(("ecr:PutImage",)),),
        query=Nothing,
        body=recovering.Rollback,
        answer=recovering.RolledBackTag,
        changes=True,
        subjects=recovering.rolled_back,
        errors=(*_PUSHED, TagNeverThereError, NothingEarlierError, ImageTagAlreadyExistsError),
    ),
)
