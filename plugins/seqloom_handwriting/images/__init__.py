"""Line images as input: loading, augmenting, and the convolutions that make vectors of them."""
