#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use super::*;

fn ring(keys: &[&Secret]) -> KeyRing {
    KeyRing::new(&keys.iter().map(|&key| key.clone()).collect::<Vec<_>>()).unwrap()
}

#[test]
fn the_last_key_wraps_and_all_of_them_open() {
    let (old, new) = (new_key().unwrap(), new_key().unwrap());
    let (before, after, without) = (ring(&[&old]), ring(&[&old, &new]), ring(&[&new]));
    assert_eq!(after.active(), without.active());
    assert_ne!(after.active(), before.active());
    let (tenant, id) = (TenantId::generate(), DataKeyId::generate());
    let data_key = Key::random().unwrap();
    let row = before.wrap(&tenant, &id, &data_key, DataKeyStatus::Active).unwrap();
    assert_eq!(after.unwrap(&tenant, &id, &row).unwrap().bytes(), data_key.bytes());
    let refused = without.unwrap(&tenant, &id, &row).unwrap_err();
    assert!(matches!(refused, VaultError::UnknownKek { kek, .. } if kek == *before.active()));
}

#[test]
fn a_wrapped_key_of_another_tenant_or_row_does_not_open() {
    let ring = ring(&[&new_key().unwrap()]);
    let (tenant, id) = (TenantId::generate(), DataKeyId::generate());
    let row = ring.wrap(&tenant, &id, &Key::random().unwrap(), DataKeyStatus::Active).unwrap();
    for (tenant, id) in [(&TenantId::generate(), &id), (&tenant, &DataKeyId::generate())] {
        let refused = ring.unwrap(tenant, id, &row).unwrap_err();
        assert!(matches!(refused, VaultError::DamagedDataKey { .. }), "{refused:?}");
    }
}

#[test]
fn what_is_no_key_is_refused_without_showing_it() {
    let good = new_key().unwrap();
    let refused = |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| Secret::new(key)).collect();
        KeyRing::new(&keys).unwrap_err()
    };
    assert_eq!(refused(&[]), KeyRingError::Empty);
    assert_eq!(refused(&[good.reveal(), "CANARY"]), KeyRingError::NotAKey(2));
    assert_eq!(refused(&["AAAA"]), KeyRingError::NotAKey(1), "too short");
    assert_eq!(refused(&[good.reveal(), good.reveal()]), KeyRingError::Twice(2));
}

#[test]
fn a_ring_shows_names_and_no_keys() {
    let key = Secret::new(&STANDARD.encode_to_string([65; 32]));
    let shown = format!("{:?}", ring(&[&key]));
    assert!(shown.contains("kek_") && !shown.contains("65, 65") && !shown.contains("QUFB"), "{shown}");
}
