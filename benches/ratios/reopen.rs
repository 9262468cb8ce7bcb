//! Opening again, after the bulk load, as after a crash of the process.

use lithify::{Alignment, Options, Pacing, Placement, Store};

use crate::Scale;
use crate::support::device::{Device, Place};
use crate::support::floor::Floor;
use crate::table::{Measured, Table};
use crate::write::bulk_load;

/// Measures opening.
pub(crate) fn run(scale: Scale, table: &mut Table) {
    let all_in_log = Options {
        placement: Some(Placement {
            alignment: Alignment::uniform(4)
                .expect("4 is a divisor")
                .with_max_level(5),
            ..Placement::default()
        }),
        memory_budget_bytes: 1 << 30,
        pacing: Pacing::Manual,
        ..Options::default()
    };
    for device in Device::ALL {
        let name = device.name();
        compare(
            scale,
            table,
            format!("reopen, mostly in files, {name}"),
            device,
            &Options::default(),
        );
        compare(
            scale,
            table,
            format!("reopen, all in the log, {name}"),
            device,
            &all_in_log,
        );
    }
}

fn compare(scale: Scale, table: &mut Table, workload: String, device: Device, options: &Options) {
    if !table.wants(&workload) {
        return;
    }
    let load = bulk_load(scale);
    let entries = load.commits * load.entries;
    let (place, floor_place): (Place, Place) = (device.fresh(), device.fresh());
    drop(load.write_store(&place, options.clone()));
    drop(load.write_floor(&floor_place));
    table.compare(
        workload,
        "entries",
        || {
            Measured::time(|| {
                let store = Store::open(place.fs.clone(), options.clone());
                let store = store.expect("the store opens");
                assert_eq!(store.head().get(), load.commits);
                entries
            })
        },
        || Measured::time(|| Floor::replay(&*floor_place.fs).len() as u64),
    );
}
