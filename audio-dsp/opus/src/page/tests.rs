use super::*;
use proptest::{collection::vec, prelude::*};
use std::io::Cursor;

fn file(packets: &[Vec<u8>]) -> Vec<u8> {
    let (mut file, mut page) = (Vec::new(), PageBuilder::new(7));
    for (index, packet) in packets.iter().enumerate() {
        assert!(page.takes(packet.len()));
        page.push(packet);
        page.write(&mut file, Flags::NONE, index as u64).unwrap();
    }
    file
}

#[test]
fn the_checksum_is_that_of_rfc_3533() {
    // A single 1 bit leaves the polynomial; the other is the published check value without its last inversion
    // (CRC-32/CKSUM: 0x765e7680).
    assert_eq!(checksum(0, &[1]), 0x04c1_1db7);
    assert_eq!(checksum(0, b"123456789"), !0x765e_7680);
    assert_eq!(checksum(checksum(0, b"1234"), b"56789"), !0x765e_7680);
}

#[test]
fn the_longest_packet_ends_on_its_page_and_a_longer_one_is_not_taken() {
    let page = PageBuilder::new(1);
    assert!(page.takes(OWN_PACKET_MAX));
    assert!(!page.takes(OWN_PACKET_MAX + 1));
    let file = file(&[vec![3; OWN_PACKET_MAX]]);
    let page = Pages::new(Cursor::new(&file)).unwrap().page_at(0).unwrap().unwrap();
    assert_eq!((page.lacing.len(), page.body.len(), page.ends_whole()), (255, OWN_PACKET_MAX, true));
    assert_eq!(page.file_len(), file.len() as u64);
    assert!(file.len() < PAGE_BYTES_MAX);
}

proptest! {
    #[test]
    fn a_page_is_read_as_it_was_written_and_never_with_a_bit_changed(
        packets in vec(vec(any::<u8>(), 0..600), 1..4),
        change in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let whole = file(&packets);
        let mut pages = Pages::new(Cursor::new(&whole)).unwrap();
        let mut at = 0;
        for (index, packet) in packets.iter().enumerate() {
            let page = pages.page_at(at).unwrap().unwrap();
            prop_assert_eq!(&page.body, packet);
            prop_assert_eq!((page.granule, page.sequence, page.serial), (Some(index as u64), index as u32, 7));
            at += page.file_len();
        }
        prop_assert_eq!(at, whole.len() as u64);

        let first = pages.page_at(0).unwrap().unwrap();
        let mut damaged = whole[..first.file_len() as usize].to_vec();
        let place = change.index(damaged.len());
        damaged[place] ^= 1 << bit;
        prop_assert_eq!(Pages::new(Cursor::new(&damaged)).unwrap().page_at(0).unwrap(), None);
    }

    #[test]
    fn a_page_is_found_behind_anything(
        before in vec(any::<u8>(), 0..9_000),
        capture in any::<prop::sample::Index>(),
    ) {
        let mut noise = before;
        if !noise.is_empty() {
            // Something that begins like a page.
            let at = capture.index(noise.len());
            noise.splice(at..at, *b"OggS");
        }
        let at = noise.len() as u64;
        let whole = [noise, file(&[vec![1, 2, 3]])].concat();
        let mut pages = Pages::new(Cursor::new(&whole)).unwrap();
        let found = pages.page_from(0, whole.len() as u64).unwrap();
        prop_assert_eq!(found.map(|(at, page)| (at, page.body)), Some((at, vec![1, 2, 3])));
        prop_assert_eq!(pages.page_from(0, at).unwrap(), None, "it begins too late");
    }
}
