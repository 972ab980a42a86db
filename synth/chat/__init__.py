"""A language model behind any OpenAI-compatible endpoint, asked about many things at once.

params (model, endpoint, limits and prices) -> asker (answers kept in a cache, so that a second run costs nothing, and
asked for again where they are not what was wanted) -> client (one chat completion). `prompt`: what is asked, as files;
`answers`: JSON that a model wrote.
"""
