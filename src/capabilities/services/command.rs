//! What may be asked of the services, and what happens to them.

use serde::{Deserialize, Serialize};

use super::model::{
    Access, Configuration, Control, End, Judgement, Outcome, Profile, Rule, Scope, Server,
    ServiceId, ServiceType, Settings, Sighted, Standing, Timetable, Want, Why, Window, Znode,
};
use crate::base::{Epoch, Revision, Timestamp};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Says what znodes mean.
    SetProfile {
        /// What; `None`: the default again.
        profile: Option<Profile>,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Says how ZooKeeper is spoken to.
    SetAccess {
        /// How.
        access: Access,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// The Active tells how its watch stands.
    NoteWatch {
        /// Whether it stands.
        standing: Standing,
        /// The servers of the ensemble.
        servers: Vec<Server>,
        /// What cannot be seen.
        troubles: Vec<String>,
    },
    /// The Active tells what it sees differently than before.
    NoteSightings {
        /// What is there, by path.
        seen: Vec<(String, Sighted)>,
        /// What is there no more.
        gone: Vec<String>,
    },
    /// Somebody wants to know what a live tree holds. The revision of this command is the ask's name.
    Discover {
        /// Beneath which path.
        root: String,
    },
    /// The Active tells what the tree holds.
    NoteDiscovery {
        /// Which ask this answers.
        asked: Revision,
        /// Why it ended early, or could not be made.
        because: Option<String>,
        /// The znodes, parents before children.
        znodes: Vec<Znode>,
        /// Patterns that would fit.
        proposed: Vec<Rule>,
    },
    /// Says how a type is controlled.
    SetControl {
        /// Which type.
        service: ServiceType,
        /// How; `None`: as by default again.
        control: Option<Control>,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Says what is wanted of services.
    Want {
        /// Which.
        services: Vec<ServiceId>,
        /// What.
        want: Want,
        /// Why.
        why: Why,
        /// The operation that is about to bring it about, if one is.
        operation: Option<Revision>,
        /// Said only if the last word about the first of them is this revision.
        expect: Option<Revision>,
    },
    /// The Active tells which verdicts are others than before.
    NoteVerdicts {
        /// Of which service, and what.
        judged: Vec<(ServiceId, Judgement)>,
        /// Whether with these every service was looked at in this tenure.
        whole: bool,
    },
    /// Says whether and how what went down is started again by itself.
    SetHa {
        /// How; `None`: as by default again.
        settings: Option<Settings>,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Says that nothing is done by itself for a while. The revision of this command is the window's name.
    OpenWindow {
        /// With what.
        scope: Scope,
        /// From when on; `None`: from now on.
        from: Option<Timestamp>,
        /// Until when.
        until: Timestamp,
        /// Why, for people; may be empty.
        note: String,
    },
    /// Ends a window early.
    CloseWindow {
        /// Which.
        id: Revision,
    },
    /// Somebody has looked why a service was restarted so often, or called off.
    Acknowledge {
        /// Which.
        service: ServiceId,
    },
    /// The Active decides to bring back what went down. The revision of this command is the recovery's name.
    Recover {
        /// Which.
        of: ServiceId,
    },
    /// The Active takes down how a recovery ended.
    SettleRecovery {
        /// Of which service.
        of: ServiceId,
    },
    /// Says when services go to sleep or wake. The revision of the command that adds a schedule is its name.
    SetSchedule {
        /// Which is set anew; `None`: one is added.
        id: Option<Revision>,
        /// When what is done.
        setting: Timetable,
        /// Set only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// Removes a schedule.
    RemoveSchedule {
        /// Which.
        id: Revision,
        /// Removed only if the last change is this revision.
        expect: Option<Revision>,
    },
    /// The Active notes that a schedule is due. The revision of this command is the name of what is done then.
    NoteDue {
        /// Which.
        id: Revision,
        /// Since when.
        at: Timestamp,
    },
    /// The Active takes down what came of a time at which a schedule was due.
    SettleSchedule {
        /// Of which.
        id: Revision,
    },
    /// The Active tells which services did not run when this configuration held: they read it, or a newer one, when they are
    /// started.
    NoteAtRest {
        /// Which, and what.
        read: Vec<(ServiceId, Configuration)>,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Znodes mean something else.
    ProfileSet {
        /// What; `None`: the default again.
        profile: Option<Profile>,
    },
    /// ZooKeeper is spoken to differently.
    AccessSet {
        /// How.
        access: Access,
    },
    /// The watch stands differently.
    WatchNoted {
        /// The tenure that tells.
        epoch: Epoch,
        /// Whether it stands.
        standing: Standing,
        /// The servers of the ensemble.
        servers: Vec<Server>,
        /// What cannot be seen.
        troubles: Vec<String>,
    },
    /// Something is seen differently.
    SightingsNoted {
        /// What is there, by path.
        seen: Vec<(String, Sighted)>,
        /// What is there no more.
        gone: Vec<String>,
    },
    /// Somebody wants to know what a live tree holds.
    DiscoveryAsked {
        /// Beneath which path.
        root: String,
    },
    /// It was looked what the tree holds.
    DiscoveryNoted {
        /// Which ask that answers.
        asked: Revision,
        /// Why it ended early, or could not be made.
        because: Option<String>,
        /// The znodes, parents before children.
        znodes: Vec<Znode>,
        /// Patterns that would fit.
        proposed: Vec<Rule>,
    },
    /// A type is controlled differently.
    ControlSet {
        /// Which type.
        service: ServiceType,
        /// How; `None`: as by default again.
        control: Option<Control>,
    },
    /// Something else is wanted of services.
    WantedSet {
        /// Which.
        services: Vec<ServiceId>,
        /// What.
        want: Want,
        /// Why.
        why: Why,
        /// Who said so.
        by: String,
        /// Those that are no services any more.
        forgotten: Vec<ServiceId>,
    },
    /// Verdicts are others than before.
    VerdictsNoted {
        /// Of which service, and what.
        judged: Vec<(ServiceId, Judgement)>,
        /// The tenure in which with these every service was looked at, if so.
        whole: Option<Epoch>,
        /// With which configuration some of them were started.
        started_with: Vec<(ServiceId, Configuration)>,
        /// Those that are no services any more.
        forgotten: Vec<ServiceId>,
        /// Those whose hosts are no more. A service whose host lost the role may run on with what it read.
        hostless: Vec<ServiceId>,
    },
    /// What went down is started again by itself in another way.
    HaSet {
        /// How; `None`: as by default again.
        settings: Option<Settings>,
    },
    /// Nothing is done by itself for a while.
    WindowOpened {
        /// With what, and how long.
        window: Window,
        /// Those that were over.
        ended: Vec<Revision>,
    },
    /// A window ended early.
    WindowClosed {
        /// Which.
        id: Revision,
    },
    /// Somebody has looked why a service was restarted so often.
    RecoveriesAcknowledged {
        /// Which.
        service: ServiceId,
    },
    /// Something is started by itself.
    RecoveryDecided {
        /// What went down.
        of: ServiceId,
        /// What is started: itself, or a standby in its place.
        on: ServiceId,
        /// Since when it was down.
        down_since: Timestamp,
        /// What speaks for that.
        because: String,
        /// The last word about what is wanted of what is started.
        wanted: Revision,
        /// Those that are no services any more.
        forgotten: Vec<ServiceId>,
    },
    /// It is known how that ended.
    RecoverySettled {
        /// Of which service.
        of: ServiceId,
        /// How.
        end: End,
    },
    /// Services go to sleep or wake at other times.
    ScheduleSet {
        /// Which was set anew; `None`: one was added.
        id: Option<Revision>,
        /// When what is done.
        setting: Timetable,
        /// What came of the time that waited by the old setting, if one did.
        waited: Option<Outcome>,
    },
    /// A schedule was removed.
    ScheduleRemoved {
        /// Which.
        id: Revision,
    },
    /// A schedule is due.
    ScheduleDue {
        /// Which.
        id: Revision,
        /// Since when.
        at: Timestamp,
        /// Whether something is done.
        outcome: Outcome,
    },
    /// It is known what came of that.
    ScheduleSettled {
        /// Of which.
        id: Revision,
        /// What.
        outcome: Outcome,
    },
    /// Services do not run, and read this when they are started.
    AtRestNoted {
        /// Which, and what.
        started_with: Vec<(ServiceId, Configuration)>,
    },
}
