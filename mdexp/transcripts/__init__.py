"""Transcripts: how one begins and is shown to a writer, is advanced by its thought, and is read.

What is common to all thoughts; the thoughts themselves, one file each, are in `mdexp.thoughts`.
"""
