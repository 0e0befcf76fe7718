"""The private descriptor pool of the generated messages (see protos/generate.py for the reason)."""

from google.protobuf.descriptor_pool import DescriptorPool

POOL = DescriptorPool()
