"""Speech recognition: the recogniser that the stages use, the word error rate, and a small embedded model for demo
and tests.
"""
