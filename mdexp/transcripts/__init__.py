"""Transcripts: how one begins, is rendered for a writer, advanced by its thought, and read.

What is common to all thoughts; the thoughts themselves, one file each, are in `mdexp.thoughts`.
"""
