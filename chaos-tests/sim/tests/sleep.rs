//! A suspended machine: nothing on it runs, and no time passes there by the monotonic clock.

use std::sync::Arc;
use std::time::Duration;

use kyvos_manager::cluster::PeerIdentity;
use simulation::clock::WorldTime;
use simulation::dice::Dice;
use simulation::member::Keeping;
use simulation::net::{Net, Quality};
use uuid::Uuid;

const SECOND_US: u64 = 1_000_000;

#[test]
fn the_keeper_of_a_suspended_machine_stands_still_and_knows_of_no_time_that_passed() {
    let quality = Quality { least_us: 100, jitter_us: 100, loss_per_mille: 0 };
    let net = Net::new(Arc::new(WorldTime::default()), Dice::of(1, "net"), 2, quality);
    let here = PeerIdentity { cluster_id: Uuid::from_u128(1), node_id: 1 };
    let mut keeping = Keeping::begin(net, 1, here, (0, 0)).unwrap();
    keeping.run_to(SECOND_US);
    keeping.fall_asleep(SECOND_US);
    keeping.run_to(4 * SECOND_US);
    assert_eq!(keeping.world_now(), SECOND_US);
    keeping.wake(5 * SECOND_US);
    assert_eq!(keeping.world_now(), 5 * SECOND_US);
    assert_eq!(keeping.slept(), Duration::from_secs(4));
    keeping.run_to(6 * SECOND_US);
    assert_eq!(keeping.world_now(), 6 * SECOND_US);
}
