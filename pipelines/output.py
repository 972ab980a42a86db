"""Whose an output folder is: that of one recipe."""

import os

from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import INDEX, RECIPE, Index
from turnmill.manifests.store import Store
from turnmill.pipelines.recipe import Recipe


def check_ours(store: Store, recipe: Recipe) -> None:
    """Refuse a folder that is somebody else's. A damaged index is written anew: the parts are what counts."""
    if not store.exists(INDEX) and not store.exists(RECIPE):
        foreign = next((name for name in _held(store) if not name.startswith((".", "demo-corpus"))), None)
        if foreign is not None:
            raise UsageError(
                f"{store.url} is not empty and not an output of Turnmill (it holds {foreign}): name another --out"
            )
        return
    try:
        owner = Index.load(store)
    except UsageError:
        return
    if owner.recipe_name != recipe.identity and not _grown(owner, recipe):
        raise UsageError(
            f"{store.url} is the output of another recipe ({owner.recipe_name}, this one is {recipe.identity}): name "
            "another --out"
        )


def _grown(owner: Index, recipe: Recipe) -> bool:
    """Whether a recipe is the owner's with some corpora more or fewer: with one in common, and the same texts."""
    before = {stage.corpus for stage in owner.stages if stage.corpus is not None}
    now = {source.entry.name for source in recipe.sources}

    def rest(identity: str, corpora: set[str]) -> tuple[str, list[str]]:
        name, _, sources = identity.removesuffix(")").partition(" (")
        return name, [source for source in sources.split(", ") if source not in corpora]

    return bool(before & now) and rest(owner.recipe_name, before) == rest(recipe.identity, now)


def _held(store: Store) -> list[str]:
    """What lies in a folder, sorted: of a local one not what lies below."""
    if not store.is_local:
        return store.names("")
    try:
        return sorted(os.listdir(store.root))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{store.url} cannot be an output folder: {error.strerror}; name another --out") from error
