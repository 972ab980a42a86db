"""From a text dialogue to two channels of speech whose labels are exact. Plain functions on numpy arrays: no Ray
here.
"""
