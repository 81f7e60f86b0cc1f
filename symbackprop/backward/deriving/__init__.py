"""What is known of the forward pass at points: values, derivatives by differences, parts; and what a value of the backward pass is."""
