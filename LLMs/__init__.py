"""Features of pictures for the co-learning branches, computed once by frozen models and kept in feature stores.

`video_features` encodes pictures for FAM, `text_features` keeps what a multimodal language model answers for FRM.
Training reads only the stores. Every kind of picture, encoder and language model is a class with a written contract:
`images.PictureSource`, `image_encoders.ImageEncoder` and `answers.AnsweringModel`.
"""
