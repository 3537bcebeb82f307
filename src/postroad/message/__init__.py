"""What is sent: addresses, messages, and the octets and paths built from them."""

from postroad.message.address import Address, parse_address, parse_address_list
from postroad.message.attachment import Attachment
from postroad.message.builder import BuiltMessage, build
from postroad.message.characters import ascii_folded, forbid_controls
from postroad.message.message import Message
from postroad.message.text import html_to_text, looks_like_html

__all__ = [
    "Address",
    "Attachment",
    "BuiltMessage",
    "Message",
    "ascii_folded",
    "build",
    "forbid_controls",
    "html_to_text",
    "looks_like_html",
    "parse_address",
    "parse_address_list",
]
