// The nouns of the API, by their short names. The one file that knows how the generated types are spelled.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Alert = Schemas['Alert'];
export type AlertChannel = Schemas['AlertChannel'];
export type AlertSeverity = Schemas['AlertSeverity'];
export type AlertState = Schemas['AlertState'];
export type ApiToken = Schemas['ApiToken'];
export type AuditRecord = Schemas['AuditRecord'];
export type ChannelInput = Schemas['SetAlertChannel'];
export type Cluster = Schemas['Cluster'];
export type ClusterMember = Schemas['ClusterMember'];
export type DrScript = Schemas['DrScript'];
export type EligibleHost = Schemas['EligibleHost'];
export type Enrolment = Schemas['NewEnrolment'];
export type Explanation = Schemas['Explanation'];
export type Host = Schemas['Host'];
export type HostRole = Schemas['HostRole'];
export type IssuedApiToken = Schemas['NewApiToken'];
export type IssuedJoinToken = Schemas['NewJoinToken'];
export type JoinRole = Schemas['JoinRole'];
export type JoinToken = Schemas['JoinToken'];
export type KyvosCluster = Schemas['KyvosCluster'];
export type MailEncryption = Schemas['MailEncryption'];
export type MaintenanceWindow = Schemas['MaintenanceWindow'];
export type Manager = Schemas['Manager'];
export type Me = Schemas['Me'];
export type Notice = Schemas['Notice'];
export type ObserverName = Schemas['ObserverName'];
export type ObserverSays = Schemas['ObserverSays'];
export type OpenWindow = Schemas['OpenMaintenanceWindow'];
export type Operation = Schemas['Operation'];
export type OperationStatus = Schemas['OperationStatus'];
export type OperationStep = Schemas['OperationStep'];
export type Precheck = Schemas['Precheck'];
export type Problem = Schemas['Problem'];
export type Property = Schemas['Property'];
export type PropertyChange = Schemas['PropertyChange'];
export type PropertyKind = Schemas['PropertyKind'];
export type Role = Schemas['RoleName'];
export type Service = Schemas['Service'];
export type ServiceCount = Schemas['ServiceCount'];
export type ServiceControl = Schemas['ServiceControl'];
export type ServiceControlInput = Schemas['SetServiceControl'];
export type ServiceDetail = Schemas['ServiceDetail'];
export type ServiceEvidence = Schemas['ServiceEvidence'];
export type ScheduleOutcome = Schemas['ScheduleOutcome'];
export type ServiceSchedule = Schemas['ServiceSchedule'];
export type ServiceScheduleInput = Schemas['SetServiceSchedule'];
export type ServicesHa = Schemas['ServicesHa'];
export type ServicesHaInput = Schemas['SetServicesHa'];
export type ServicesHaReason = Schemas['ServicesHaReason'];
export type ServiceStanding = Schemas['ServiceStanding'];
export type ServiceType = Schemas['ServiceType'];
export type ServiceWatch = Schemas['ServiceWatch'];
export type ServiceWhy = Schemas['ServiceWhy'];
export type SshHostKey = Schemas['OfferedKey'];
export type Tenure = Schemas['Tenure'];
export type HostTransport = Schemas['TransportInput'];
export type User = Schemas['User'];

/** What a role may allow. The server's list may grow; these are the ones that buttons here ask for. */
export type Privilege =
  | 'view'
  | 'properties.change'
  | 'managers.alias'
  | 'managers.control'
  | 'managers.membership'
  | 'hosts.manage'
  | 'hosts.trust'
  | 'services.manage'
  | 'services.trust'
  | 'alerts.acknowledge'
  | 'alerts.channels'
  | 'operations.control'
  | 'users.manage'
  | 'tokens.manage'
  | 'audit.view';

/** A list answer: `next` is absent on the last page. */
export interface Page<T> {
  items: T[];
  next?: string | null;
}

/** The data of one `change` event. */
export interface ChangeEvent {
  revision: number;
  at: string;
  by: string;
  room: string;
  kind: string;
  subject: string;
  data?: {
    /** Of services: those that alone read differently since. Left out: others may as well. */
    only?: string[];
  };
}
