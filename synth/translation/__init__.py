"""Texts in another language: by a language model behind an OpenAI-compatible endpoint (`chat`), or by a translation
model of CTranslate2 on this machine (`local`). `translator` says what both do, and which translation is none.
"""
