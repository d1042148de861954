import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.public_addresses import PublicAddresses, is_public
from trackflow.errors import AddressRefusedError, SettingsError

OWN = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
        "::1/128", "fc00::/7", "fe80::/10", "ff00::/8",
    )
]  # fmt: skip

own_addresses = st.sampled_from(OWN).flatmap(
    lambda network: st.ip_addresses(network=network)  # type: ignore[arg-type]
)


def ways_to_write(address: IPv4Address) -> list[IPv6Address]:
    """IPv6 addresses that lead to an IPv4 address."""
    number = int(address)
    return [
        IPv6Address(0xFFFF00000000 | number),
        IPv6Address(number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80) | 1),
        IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFFFFFF)),
    ]


@given(own_addresses)
def test_no_address_of_the_own_network_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_by_itself(address: IPv4Address) -> None:
    for written in ways_to_write(address):
        assert not is_public(written) or is_public(address), written


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "93.184.216.34"])
def test_addresses_of_the_internet_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["169.254.169.254", "100.100.100.200", "168.63.129.16"])
def test_services_of_clouds_for_their_machines_are_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f.1", "127.1", "0", "::1"]
)
def test_every_way_to_write_this_machine_is_refused(host: str) -> None:
    with pytest.raises(AddressRefusedError, match="own network"):
        PublicAddresses().resolve(host, 80)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 300, "xn--", "a..b"])
def test_names_of_no_machine_are_refused(host: str) -> None:
    with pytest.raises(AddressRefusedError):
        PublicAddresses().resolve(host, 80)


@pytest.mark.parametrize(
    ("allowed", "host", "port", "is_allowed"),
    [
        ("localhost", "localhost", 80, True),
        ("LocalHost", "LOCALHOST", 81, True),
        ("localhost:8000", "localhost", 8000, True),
        ("localhost:8000", "localhost", 8001, False),
        ("127.0.0.1", "127.0.0.1", 1, True),
        ("127.0.0.0/8", "127.9.9.9", 1, True),
        ("127.0.0.0/8", "::1", 1, False),
        ("::1", "::1", 1, True),
        ("[::1]:80", "::1", 80, True),
        ("10.0.0.0/8", "127.0.0.1", 1, False),
        ("localhos", "localhost", 1, False),
    ],
)
def test_what_an_administrator_allows_is_allowed_and_no_more(
    allowed: str, host: str, port: int, is_allowed: bool
) -> None:
    rule = PublicAddresses.allowing([allowed])
    if is_allowed:
        assert rule.resolve(host, port)
    else:
        with pytest.raises(AddressRefusedError):
            rule.resolve(host, port)


@pytest.mark.parametrize("word", ["10.0.0.0/33", "http://a/", "host:"])
def test_what_is_neither_a_host_nor_a_network_is_a_mistake(word: str) -> None:
    with pytest.raises(SettingsError, match="neither"):
        PublicAddresses.allowing([word])
