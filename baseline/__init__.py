"""The model to beat: text and image vectors, concatenated and regressed on human judgements."""
