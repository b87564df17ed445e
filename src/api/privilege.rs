//! What each role may do, and how a route says what it needs.

use crate::capabilities::access::model::Role;

/// One thing a role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// Looks at everything but users and the audit.
    View,
    /// Changes properties.
    PropertiesChange,
    /// Names Managers.
    ManagersAlias,
    /// Restarts Managers and chooses the Active.
    ManagersControl,
    /// Adds and removes Managers: a join token hands over the group key.
    ManagersMembership,
    /// Registers hosts, changes and removes them, and has them looked at.
    HostsManage,
    /// Says whom to believe to be a host: enrolment tokens, host keys, the group's own SSH key.
    HostsTrust,
    /// Says what is seen of services stands for, and has it looked what there is.
    ServicesManage,
    /// Says how ZooKeeper is spoken to: whom to believe, and as whom.
    ServicesTrust,
    /// Says that alerts were seen.
    AlertsAcknowledge,
    /// Says who is told of alerts, and tries that out.
    AlertsChannels,
    /// Cancels and retries operations.
    OperationsControl,
    /// Makes, changes and deletes users.
    UsersManage,
    /// Makes and deletes API tokens.
    TokensManage,
    /// Reads the audit.
    AuditView,
}

impl Privilege {
    /// Every privilege, in the order they are shown.
    pub(crate) const ALL: [Self; 15] = [
        Self::View,
        Self::PropertiesChange,
        Self::ManagersAlias,
        Self::ManagersControl,
        Self::ManagersMembership,
        Self::HostsManage,
        Self::HostsTrust,
        Self::ServicesManage,
        Self::ServicesTrust,
        Self::AlertsAcknowledge,
        Self::AlertsChannels,
        Self::OperationsControl,
        Self::UsersManage,
        Self::TokensManage,
        Self::AuditView,
    ];

    /// The privilege as it is written everywhere.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::PropertiesChange => "properties.change",
            Self::ManagersAlias => "managers.alias",
            Self::ManagersControl => "managers.control",
            Self::ManagersMembership => "managers.membership",
            Self::HostsManage => "hosts.manage",
            Self::HostsTrust => "hosts.trust",
            Self::ServicesManage => "services.manage",
            Self::ServicesTrust => "services.trust",
            Self::AlertsAcknowledge => "alerts.acknowledge",
            Self::AlertsChannels => "alerts.channels",
            Self::OperationsControl => "operations.control",
            Self::UsersManage => "users.manage",
            Self::TokensManage => "tokens.manage",
            Self::AuditView => "audit.view",
        }
    }

    /// Whether a role has it.
    pub(crate) fn belongs_to(self, role: Role) -> bool {
        match role {
            Role::Administrator => true,
            Role::Maintainer => matches!(
                self,
                Self::View
                    | Self::PropertiesChange
                    | Self::ManagersAlias
                    | Self::ManagersControl
                    | Self::HostsManage
                    | Self::ServicesManage
                    | Self::AlertsAcknowledge
                    | Self::OperationsControl
            ),
            Role::Auditor => matches!(self, Self::View | Self::AuditView),
        }
    }

    /// Every privilege of a role, by name.
    pub(crate) fn names_of(role: Role) -> Vec<&'static str> {
        let has = |privilege: &Self| privilege.belongs_to(role);
        Self::ALL.into_iter().filter(has).map(Self::as_str).collect()
    }
}

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: signing in, joining.
    Nobody,
    /// To be signed in.
    SignedIn,
    /// A privilege.
    Privilege(Privilege),
}

/// A need as a type, so that a handler's signature says what it asks and cannot forget to check.
pub(crate) trait Needs: Send + Sync + 'static {
    const NEED: Need;
}

macro_rules! needs {
    ($($name:ident = $need:expr;)*) => {
        $(
            pub(crate) struct $name;

            impl Needs for $name {
                const NEED: Need = $need;
            }
        )*
    };
}

needs! {
    Anyone = Need::Nobody;
    SignedIn = Need::SignedIn;
    View = Need::Privilege(Privilege::View);
    ChangeProperties = Need::Privilege(Privilege::PropertiesChange);
    NameManagers = Need::Privilege(Privilege::ManagersAlias);
    ControlManagers = Need::Privilege(Privilege::ManagersControl);
    ChangeMembership = Need::Privilege(Privilege::ManagersMembership);
    ManageHosts = Need::Privilege(Privilege::HostsManage);
    TrustHosts = Need::Privilege(Privilege::HostsTrust);
    ManageServices = Need::Privilege(Privilege::ServicesManage);
    TrustServices = Need::Privilege(Privilege::ServicesTrust);
    AcknowledgeAlerts = Need::Privilege(Privilege::AlertsAcknowledge);
    ManageChannels = Need::Privilege(Privilege::AlertsChannels);
    ControlOperations = Need::Privilege(Privilege::OperationsControl);
    ManageUsers = Need::Privilege(Privilege::UsersManage);
    ManageTokens = Need::Privilege(Privilege::TokensManage);
    ViewAudit = Need::Privilege(Privilege::AuditView);
}
