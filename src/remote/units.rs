//! How the units of a host stand, over as few lines as the host allows: opening one costs both sides far more than the answer.

use std::time::Duration;

use super::RemoteFailure;
use super::act::{UnitName, UnitStatus};
use super::call::{Call, unexpected};
use super::carrier::Carrier;
use super::wire::{AnswerV1, HelloV1, UNITS_MAX, UNITS_SINCE, WhatV1};

/// One line each for as many units as one question may hold, or, with a host of an older version, for every unit.
pub(super) async fn told_of_units(
    carrier: &dyn Carrier,
    hello: &HelloV1,
    units: &[UnitName],
    within: Duration,
) -> Result<Vec<Result<UnitStatus, RemoteFailure>>, RemoteFailure> {
    let mut told = Vec::with_capacity(units.len());
    while let left @ [first, ..] = &units[told.len()..] {
        let call = Call::open(carrier, hello).await?;
        if call.protocol < UNITS_SINCE {
            told.push(told_of_unit(call, first, within).await);
        } else {
            told.extend(several(call, &left[..left.len().min(UNITS_MAX)], within).await?);
        }
    }
    Ok(told)
}

/// One unit, as every version understands it.
pub(super) async fn told_of_unit(
    call: Call,
    unit: &UnitName,
    within: Duration,
) -> Result<UnitStatus, RemoteFailure> {
    match call.look(WhatV1::Unit(unit.to_string()), within).await? {
        (AnswerV1::Unit(status), _) => Ok(status.into()),
        _ => Err(unexpected()),
    }
}

async fn several(
    call: Call,
    units: &[UnitName],
    within: Duration,
) -> Result<Vec<Result<UnitStatus, RemoteFailure>>, RemoteFailure> {
    let names = units.iter().map(ToString::to_string).collect();
    match call.look(WhatV1::Units(names), within).await? {
        (AnswerV1::Units(told), _) if told.len() == units.len() => {
            let told = told.into_iter();
            Ok(told.map(|one| one.map(Into::into).map_err(RemoteFailure::Refused)).collect())
        }
        _ => Err(unexpected()),
    }
}
