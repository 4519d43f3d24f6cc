//! How many connections one address may hold open, so that one peer cannot take them all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ipnet::IpNet;

use crate::web::address::subscriber;

/// The open connections by address, IPv6 by /64.
pub struct AddressCap {
    max: usize,
    exempt: Vec<IpNet>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One open connection; given back when dropped. `None`: its peer is exempt and not counted.
pub struct AddressPermit(Option<(Arc<AddressCap>, IpAddr)>);

impl AddressCap {
    /// None open yet. Peers in `exempt` speak for many and have no cap of their own.
    pub fn new(max: usize, exempt: Vec<IpNet>) -> Self {
        Self {
            max,
            exempt,
            open: Mutex::default(),
        }
    }

    /// A permit for one more connection of this peer; `None` when it has as many as it may.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<AddressPermit> {
        if self.exempt.iter().any(|net| net.contains(&peer)) {
            return Some(AddressPermit(None));
        }
        let counted = subscriber(peer);
        let mut open = self.lock();
        // Looked up before anything is stored: a refused newcomer leaves no entry.
        let count = open.get(&counted).copied().unwrap_or_default();
        if count >= self.max {
            return None;
        }
        open.insert(counted, count + 1);
        Some(AddressPermit(Some((Arc::clone(self), counted))))
    }

    fn release(&self, counted: IpAddr) {
        let mut open = self.lock();
        match open.get_mut(&counted) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&counted);
            }
        }
    }

    /// No caller panics while it holds the lock, and a count is whole after each statement.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        if let Some((cap, counted)) = self.0.take() {
            cap.release(counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_cap_and_gets_back_what_it_ends() {
        let cap = Arc::new(AddressCap::new(2, Vec::new()));
        let first = cap.admit(ip("192.0.2.1")).unwrap();
        let _second = cap.admit(ip("192.0.2.1")).unwrap();
        assert!(cap.admit(ip("192.0.2.1")).is_none());
        assert!(cap.admit(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(cap.admit(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn ipv6_is_counted_by_64() {
        let cap = Arc::new(AddressCap::new(1, Vec::new()));
        let _held = cap.admit(ip("2001:db8::1")).unwrap();
        assert!(cap.admit(ip("2001:db8::2")).is_none());
        assert!(cap.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn an_exempt_peer_is_not_counted() {
        let cap = Arc::new(AddressCap::new(1, vec!["10.0.0.0/8".parse().unwrap()]));
        let held: Vec<_> = (0..3).map(|_| cap.admit(ip("10.0.0.1"))).collect();
        assert!(held.iter().all(Option::is_some));
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let cap = Arc::new(AddressCap::new(1, Vec::new()));
        drop(cap.admit(ip("192.0.2.1")));
        assert!(cap.lock().is_empty());
    }
}
