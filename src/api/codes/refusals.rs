//! The lines of the table for what the group answers "no" for.

use axum::http::StatusCode;

use super::{Entry, entry};
use crate::base::Code;

/// The table's line of a refusal.
pub(crate) fn refusal_entry(code: Code) -> Entry {
    use StatusCode as S;
    let line = |status, title, hint| entry(code.as_str(), status, title, hint);
    match code {
        Code::Changed => {
            line(S::PRECONDITION_FAILED, "Changed meanwhile", "Read it again and decide anew.")
        }
        Code::KeyReused => line(
            S::UNPROCESSABLE_ENTITY,
            "Key used before",
            "Use a new Idempotency-Key for a new request.",
        ),
        Code::StaleEpoch => {
            line(S::CONFLICT, "Decided in an earlier tenure", "Ask again; the Active decides anew.")
        }
        Code::LevelTooLow => line(
            S::CONFLICT,
            "Not understood by all",
            "Upgrade every Kyvos Manager and witness first.",
        ),
        Code::NoSuchProperty => line(
            S::NOT_FOUND,
            "No such property",
            "GET /api/v1/properties lists them; free names go into the file custom.",
        ),
        Code::InvalidValue => {
            line(S::BAD_REQUEST, "Invalid value", "The property's kind says what it takes.")
        }
        Code::InvalidName => line(S::BAD_REQUEST, "Invalid name", "The detail names the rule."),
        Code::HaHasInstances => {
            line(S::CONFLICT, "Further instances exist", "Remove the other Kyvos Managers first.")
        }
        Code::TooMany => {
            line(S::UNPROCESSABLE_ENTITY, "Too many", "Delete what is no longer needed.")
        }
        Code::NoSuchManager => {
            line(S::NOT_FOUND, "No such Kyvos Manager", "GET /api/v1/managers lists them.")
        }
        Code::AliasTaken => {
            line(S::CONFLICT, "Alias taken", "Choose an alias that no other Kyvos Manager has.")
        }
        Code::AliasInvalid => line(
            S::UNPROCESSABLE_ENTITY,
            "Alias not acceptable",
            "At most 64 letters, digits, spaces, hyphens, underscores or dots; empty takes it away.",
        ),
        Code::AlreadyFounded => {
            line(S::CONFLICT, "Founded already", "Join it with km join instead.")
        }
        Code::JoinTokenInvalid => {
            line(S::FORBIDDEN, "Join token not valid", "Make a new one with km token create.")
        }
        Code::AlreadyMember => line(
            S::CONFLICT,
            "Member already",
            "Remove the other member first, or use another disk or address.",
        ),
        Code::HaDisabled => {
            line(S::CONFLICT, "Kyvos Manager HA is off", "Set ENABLE_KM_HA to yes first.")
        }
        Code::NoSuchOperation => line(
            S::NOT_FOUND,
            "No such operation",
            "GET /api/v1/operations lists them; old ones are forgotten.",
        ),
        Code::WrongState => line(S::CONFLICT, "Wrong state", "Read it again; it has moved on."),
        Code::TargetBusy => {
            line(S::CONFLICT, "Target busy", "Wait for the open operation, or cancel it.")
        }
        Code::NoSuchUser => line(S::NOT_FOUND, "No such user", "GET /api/v1/users lists them."),
        Code::UserExists => line(S::CONFLICT, "User exists", "Choose another name."),
        Code::UsernameInvalid => {
            line(S::UNPROCESSABLE_ENTITY, "User name not acceptable", "The detail names the rule.")
        }
        Code::LastAdministrator => {
            line(S::CONFLICT, "Last administrator", "Make another active administrator first.")
        }
        Code::NoSuchToken => line(S::NOT_FOUND, "No such token", "The list gives the ids."),
        Code::TokenExists => {
            line(S::CONFLICT, "Token exists", "Choose another name, or delete the other token.")
        }
        Code::ActiveNotAllowed => line(
            S::CONFLICT,
            "This instance is now Active",
            "Use Restart Active Kyvos Manager Instance, or make another one Active first.",
        ),
        Code::NotEligible => line(
            S::CONFLICT,
            "Cannot become Active",
            "The detail says why; GET /api/v1/explain/make-active?manager=ID shows every rule.",
        ),
        Code::KmRequiresWebPortal => line(
            S::UNPROCESSABLE_ENTITY,
            "No Web Portal on this host",
            "Choose a host with the Web Portal, give this one the role web_portal, or add a witness.",
        ),
        Code::WebPortalHaRequired => line(
            S::CONFLICT,
            "Web Portal HA is required",
            "Register a second host with the role web_portal first.",
        ),
        Code::DrScriptPending => line(
            S::CONFLICT,
            "Disaster Recovery script not pushed",
            "Push it with POST /api/v1/managers/push-dr-script or km managers push-dr-script.",
        ),
        Code::PrecheckFailed => line(
            S::CONFLICT,
            "A precheck fails",
            "These are the results of the last look. Put it right and look anew (km prechecks run --host HOST --wait, or Re-run all in the dialog); or do it all the same: accept_failed_prechecks: true, on the command line --accept-failed-prechecks.",
        ),
        Code::NoWayToHost => line(
            S::CONFLICT,
            "No way to the host",
            "Register the host and enrol its agent, or trust its SSH host key: km hosts.",
        ),
        Code::ZookeeperNotWatched => line(
            S::CONFLICT,
            "ZooKeeper is not watched",
            "Set ENABLE_KM_HA to yes, or ZK_SERVICE_WATCH to on.",
        ),
        Code::NoSuchAlert => {
            line(S::NOT_FOUND, "No such alert", "List them: GET /alerts, or km alerts list.")
        }
        Code::NoSuchChannel => line(
            S::NOT_FOUND,
            "No such channel",
            "List them: GET /alerts/channels, or km alerts channels list.",
        ),
        Code::ChannelExists => line(
            S::CONFLICT,
            "Channel exists",
            "Choose another name, or change the channel that has it.",
        ),
        Code::LastManager => {
            line(S::CONFLICT, "Last Kyvos Manager", "Add another Kyvos Manager first.")
        }
        Code::TooLong => line(S::PAYLOAD_TOO_LARGE, "Too long", "The detail names the bound."),
        Code::NoSuchHost => line(S::NOT_FOUND, "No such host", "GET /api/v1/hosts lists them."),
        Code::NoSuchService => {
            line(S::NOT_FOUND, "No such service", "GET /api/v1/services lists them.")
        }
        Code::NoSuchSchedule => {
            line(S::NOT_FOUND, "No such schedule", "GET /api/v1/services/schedules lists them.")
        }
        Code::ScheduleExists => line(
            S::CONFLICT,
            "Schedule exists",
            "Give it another name, or set the one that has it: GET /api/v1/services/schedules.",
        ),
        Code::NothingStale => line(
            S::CONFLICT,
            "Nothing runs with an older configuration",
            "Nothing has to be restarted for it; leave only_stale out to restart all the same.",
        ),
        Code::NoSuchWindow => line(
            S::NOT_FOUND,
            "No such maintenance window",
            "GET /api/v1/services/ha/windows lists them.",
        ),
        Code::HostExists => {
            line(S::CONFLICT, "Host exists", "Choose another name, or change the host that has it.")
        }
        Code::HostInvalid => {
            line(S::UNPROCESSABLE_ENTITY, "Host not valid", "The detail says which rule it breaks.")
        }
        Code::HostHasManager => line(
            S::CONFLICT,
            "A member lives on the host",
            "Remove the member first; then the host or its Web Portal can go.",
        ),
        Code::EnrolTokenInvalid => {
            line(S::FORBIDDEN, "Enrolment token not valid", "Make a new one with km hosts enrol.")
        }
        Code::Locked => line(
            S::FORBIDDEN,
            "Inactive or locked",
            "Wait 15 minutes, or ask an administrator for a new password.",
        ),
    }
}
