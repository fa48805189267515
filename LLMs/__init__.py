"""From images to the features that the co-learning branches read: FAM's from image and video encoders, FRM's from
multimodal language models. Training never runs these models; it reads the stores they write."""
