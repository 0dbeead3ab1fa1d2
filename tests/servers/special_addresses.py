# ruff: noqa: E501, RUF001, S104 (tables of spellings)
"""Addresses that no customer may steer the portal to, with why; and some that are fine."""

V4 = {
    "0.0.0.0": "this host", "0.1.2.3": "this network", "10.0.0.1": "private", "10.255.255.255": "private",
    "100.64.0.1": "carrier NAT", "100.100.100.200": "Alibaba metadata", "100.127.255.255": "carrier NAT",
    "127.0.0.1": "loopback", "127.0.0.2": "loopback", "127.1.2.3": "loopback", "127.255.255.254": "loopback",
    "168.63.129.16": "Azure host agent", "169.254.0.1": "link-local", "169.254.169.253": "AWS resolver",
    "169.254.169.254": "metadata", "169.254.170.2": "ECS credentials", "172.16.0.1": "private", "172.31.255.255": "private",
    "192.0.0.1": "protocol assignments", "192.0.0.9": "PCP anycast", "192.0.0.192": "Oracle metadata", "192.0.2.1": "documentation",
    "192.31.196.1": "AS112", "192.52.193.1": "AMT", "192.88.99.1": "6to4 relay", "192.168.0.1": "private", "192.168.255.255": "private",
    "192.175.48.1": "AS112", "198.18.0.1": "benchmarks", "198.19.255.255": "benchmarks", "198.51.100.42": "documentation",
    "203.0.113.1": "documentation", "224.0.0.1": "multicast", "233.252.0.1": "multicast", "239.255.255.250": "SSDP",
    "240.0.0.1": "reserved", "255.255.255.254": "reserved", "255.255.255.255": "broadcast",
}  # fmt: skip
V6 = {
    "::": "unspecified", "::1": "loopback", "::2": "unassigned", "::7f00:1": "v4-compatible loopback",
    "::a9fe:a9fe": "v4-compatible metadata", "::808:808": "v4-compatible", "::ffff:127.0.0.1": "mapped loopback",
    "::ffff:10.0.0.1": "mapped private", "::ffff:169.254.169.254": "mapped metadata", "::ffff:100.100.100.200": "mapped metadata",
    "::ffff:168.63.129.16": "mapped Azure", "::ffff:0.0.0.0": "mapped this host", "::ffff:224.0.0.1": "mapped multicast",
    "::ffff:0:127.0.0.1": "translated", "64:ff9b::127.0.0.1": "NAT64 loopback", "64:ff9b::10.0.0.1": "NAT64 private",
    "64:ff9b::169.254.169.254": "NAT64 metadata", "64:ff9b::168.63.129.16": "NAT64 Azure", "64:ff9b:1::1": "local NAT64",
    "64:ff9b:1:fffe::7f00:1": "local NAT64", "100::1": "discard", "100:0:0:1::1": "dummy", "2001::1": "Teredo",
    "2001:0:7f00:1::": "Teredo server on loopback", "2001:0:808:808:0:0:80ff:fffe": "Teredo client on loopback", "2001:1::1": "PCP anycast",
    "2001:2::1": "benchmarks", "2001:4:112::1": "AS112", "2001:10::1": "ORCHID", "2001:20::1": "ORCHIDv2", "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4 loopback", "2002:a9fe:a9fe::": "6to4 metadata", "2002:a00:1::": "6to4 private", "2002:808:808::1": "6to4",
    "2620:4f:8000::1": "AS112", "3fff::1": "documentation", "4000::1": "unassigned", "5f00::1": "segment routing", "a000::1": "unassigned",
    "fc00::1": "unique local", "fd00:ec2::254": "AWS metadata", "fd00::1": "unique local", "fdff::1": "unique local",
    "fe80::1": "link-local", "fe80::a9fe:a9fe": "link-local metadata", "fec0::1": "site-local", "feff::1": "site-local",
    "ff00::1": "multicast", "ff02::1": "all nodes", "ff0e::1": "multicast",
}  # fmt: skip
PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.215.14", "192.0.1.1", "100.63.255.255", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808")  # fmt: skip

# How an address may be written where a name is expected; all of them mean loopback or metadata.
SPELLINGS = (
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0127.0.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0X7F.1",
    "0x7f000001", "2130706433", "017700000001", "00000000000177.0.0.1", "127.0.0.0x1", "127.0.0.01", "127.0x0.0.1", "0", "0.0.0.0", "0x0",
    "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "127．0．0．1", "²¹³⁰⁷⁰⁶⁴³³", "127.0.0.1.", "127.0.0.1\n", " 127.0.0.1", "127.0.0.1 ",
    "127.0.0.1%00", "127.0.0.1%eth0", "127.0.0.1/", "127.0.0.1/24", "127.0.0.1#a.com", "a.com@127.0.0.1", "127.0.0.1\\@a.com",
    "[::1]", "::1", "[::1%25lo]", "::1%lo", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[127.0.0.1]",
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost\n", "ｌocalhost", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "loca\u00adlhost", "loca\u200blhost",
    "169.254.169.254", "169.254.43518", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fd00:ec2::254]",
)  # fmt: skip
