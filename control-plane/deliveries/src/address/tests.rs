use super::*;
use proptest::prelude::*;

fn public(text: &str) -> bool {
    is_public(text.parse().unwrap())
}

#[test]
fn what_is_not_the_public_internet_is_refused() {
    for closed in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
    ] {
        assert!(!public(closed), "{closed}");
    }
}

#[test]
fn the_public_internet_is_open() {
    for open in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "2001:4860:4860::8888",
    ] {
        assert!(public(open), "{open}");
    }
}

#[test]
fn an_endpoints_address_is_encrypted_public_and_plain() {
    let of = |text: &str| check(text, Reach::Public);
    assert!(of("https://hooks.example.com/tandem?x=1").is_ok());
    assert!(of("https://hooks.example.com:8443/").is_ok());
    assert!(of("https://8.8.8.8/").is_ok());
    assert_eq!(of("hooks"), Err(BadAddress::NotAUrl));
    for scheme in ["http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "data:,x"] {
        assert_eq!(of(scheme), Err(BadAddress::NotEncrypted), "{scheme}");
    }
    for shape in
        ["https://user@hooks.example.com/", "https://:pw@hooks.example.com/", "https://hooks.example.com/#x"]
    {
        assert_eq!(of(shape), Err(BadAddress::Shape), "{shape}");
    }
    // In every way in which an address can be written.
    for closed in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost/",
        "https://metadata.google.internal/",
        "https://169.254.169.254/latest/",
        "https://①②⑦.0.0.1/",
    ] {
        assert_eq!(of(closed), Err(BadAddress::NotPublic), "{closed}");
    }
    assert!(check("http://127.0.0.1:9000/", Reach::Anywhere).is_ok());
}

proptest! {
    #[test]
    fn what_carries_another_address_inside_is_refused(inside: u32) {
        let [a, b] = [(inside >> 16) as u16, inside as u16];
        for outside in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, a, b),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, a, b),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, a, b),
            Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, a, b, 0, 0, 0, 1),
        ] {
            prop_assert!(!is_public(outside.into()), "{outside}");
        }
    }

    #[test]
    fn the_standard_librarys_judgement_is_never_more_careful(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let closed = address.is_private() || address.is_loopback() || address.is_link_local()
            || address.is_multicast() || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
        prop_assert!(!(closed && is_public(address.into())), "{address}");
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        drop(check(&text, Reach::Public));
    }
}
