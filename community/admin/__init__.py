from community.admin import api_key

__all__ = ["api_key"]
