"""The index of the lists is kept up to date while the service runs."""

from __future__ import annotations

import asyncio

from tests.contracts.mail_stores import Runner, Stores, entry

from postroad.storage.search.chunks import DOCUMENTS
from postroad.wiring.indexing import Indexing

_CHUNKS = "SELECT count(*) FROM search_chunk"


def test_what_came_in_is_put_into_chunks_beside_everything_else(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await asyncio.gather(*(stores.mail.log(entry()) for _ in range(DOCUMENTS * 2)))
        indexing = Indexing(stores.search)
        indexing.start()
        while not (await stores.database.read(_CHUNKS))[0][0]:
            await stores.database.prove()  # the others have their turn meanwhile
        await indexing.stop()
        await indexing.stop()

        assert len(await stores.logged(limit=5_000)) == DOCUMENTS * 2

    run(scenario)
