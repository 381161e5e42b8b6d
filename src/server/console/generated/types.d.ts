// Made from operations/*.graphql and schema.graphql by `scripts/console generate`: do not edit.

export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** An ISO 3166-1 alpha-2 country code in capital letters: `US`, `GB`. */
  CountryCode: { input: string; output: string; }
  /**
   * A point in time in RFC 3339 format: `2026-03-01T09:30:00.000Z`. Any offset is accepted on input; output is
   * in UTC with milliseconds.
   */
  DateTime: { input: string; output: string; }
  /** A decimal number as a string, so that it stays exact: `"1.15"`. */
  Decimal: { input: string; output: string; }
  /**
   * A phone number in E.164 format: `+`, country calling code and number, 7 to 15 digits. Spaces, dashes, dots
   * and brackets are accepted on input; output is always like `+12125550123`.
   */
  E164: { input: string; output: string; }
  /** A UUID of 36 characters: `8c5b7a52-7d8e-4f0a-9d0e-2f3c1b6a5e47`. */
  UUID: { input: string; output: string; }
};

/** Filter for agents. All given conditions must match. */
export type AgentFilter = {
  /** Only agents whose name contains this text, ignoring case. At most 100 characters. */
  nameContains?: InputMaybe<Scalars['String']['input']>;
  /** Only agents in this state. Default: all except DELETED. */
  status?: InputMaybe<AgentStatus>;
};

/** What happens to the text messages that an agent's numbers receive. They are stored in every case. */
export type AgentMessaging =
  /** The agent answers new threads. A text that asks for help gets `helpText`. */
  | 'AGENT'
  /** New threads have the handling PERSON. A text that asks for help gets `helpText`. */
  | 'NOTIFY'
  /** Texts are only stored. New threads have the handling NOBODY, and nothing is answered. */
  | 'OFF';

/** Lifecycle state of an agent. */
export type AgentStatus =
  /** Answers calls. */
  | 'ACTIVE'
  /** Deleted. Kept for the history of its calls. */
  | 'DELETED'
  /** Takes no calls: they go to its fallback number. Also the state of an agent that is being deleted. */
  | 'INACTIVE'
  /** Being created at the voice provider. Takes no calls yet. */
  | 'PENDING';

/** Whether the voice provider has the agent's latest change. */
export type AgentSyncState =
  /**
   * The latest change is not delivered yet. Delivery is retried until the voice provider accepts or rejects
   * it.
   */
  | 'PENDING'
  /**
   * The voice provider rejected the latest change and keeps the previous version. Change the agent to try
   * again.
   */
  | 'REJECTED'
  /** The voice provider has the latest change. */
  | 'SYNCED';

/** Input of `announceTestCall`. */
export type AnnounceTestCallInput = {
  /** The number from which the test call is made. Its caller ID must not be withheld, and it must not be the kept number. */
  from: Scalars['E164']['input'];
  /** Id of a kept number in state FORWARDING. */
  keptNumberId: Scalars['ID']['input'];
};

/** Input of `assignPhoneNumber`. Pass one of `agentId` and `callGroupId`, or neither: the number then goes to the tenant's pool. */
export type AssignPhoneNumberInput = {
  /** Id of the agent that answers the number's calls from now on. */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Id of the call group whose members answer the number's calls from now on. */
  callGroupId?: InputMaybe<Scalars['ID']['input']>;
  /**
   * Id of the agent that the number is expected to have now: if it has another or none, or is in a call group, the request is
   * rejected. Default: no check.
   */
  expectedAgentId?: InputMaybe<Scalars['ID']['input']>;
  /** Id of the number. */
  id: Scalars['ID']['input'];
  /** Your own name for the number, 1 to 100 characters. `null` removes it. Default: unchanged. */
  label?: InputMaybe<Scalars['String']['input']>;
};

/** Filter for the audit trail. All given conditions must match. */
export type AuditEventFilter = {
  /** Only this action: a mutation's name, such as `updateAgent`, or an operator's request, such as `query Calls`. */
  action?: InputMaybe<Scalars['String']['input']>;
  /** Only actions of this actor, in the form of `AuditEvent.actor`. */
  actor?: InputMaybe<Scalars['String']['input']>;
  /** Only actions with this outcome. */
  outcome?: InputMaybe<AuditEventOutcome>;
  /** Only entries recorded at or after this time. */
  recordedAfter?: InputMaybe<Scalars['DateTime']['input']>;
  /** Only entries recorded before this time. */
  recordedBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** Only actions on this agent, number or operation. */
  subject?: InputMaybe<Scalars['ID']['input']>;
};

/** How an action ended. */
export type AuditEventOutcome =
  /** The work continues; a later entry tells how it ended. */
  | 'ACCEPTED'
  /** The action failed; the entry's `outcome` has the code. */
  | 'FAILED'
  /** The action succeeded. */
  | 'SUCCEEDED';

/** Direction of a call. */
export type CallDirection =
  /** A call to one of the tenant's numbers. */
  | 'INBOUND'
  /** A call made by one of the tenant's agents. */
  | 'OUTBOUND';

/** Filter for calls. All given conditions must match. */
export type CallFilter = {
  /** Only calls to this agent. */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Only calls to this number. */
  phoneNumberId?: InputMaybe<Scalars['ID']['input']>;
  /** Only calls that arrived at or after this time. */
  startedAfter?: InputMaybe<Scalars['DateTime']['input']>;
  /** Only calls that arrived before this time. */
  startedBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** Only calls in this state. */
  status?: InputMaybe<CallStatus>;
};

/** A member of a call group. */
export type CallGroupMemberInput = {
  /** Id of the agent. An agent may be in several groups, and have numbers of its own. */
  agentId: Scalars['ID']['input'];
  /**
   * Maximum open calls of the agent, 1 to 50: at this limit the group offers it no further call. Default: only the plan limits
   * it.
   */
  maxCalls?: InputMaybe<Scalars['Int']['input']>;
  /**
   * Its share of the calls, compared with the weights of the others: 1 to 1000. Without effect in a group with strategy
   * OVERFLOW.
   */
  weight?: Scalars['Int']['input'];
};

/** How a call group chooses the member that takes a call. */
export type CallGroupStrategy =
  /** The first member, in the order of the list, that has fewer open calls than its `maxCalls`. */
  | 'OVERFLOW'
  /**
   * By weight: over many calls each member gets its share. If the chosen member has as many calls as its `maxCalls`, another
   * one is chosen, by weight again.
   */
  | 'WEIGHTED';

/** Who or what answered a call. */
export type CallOutcome =
  /** The voice agent. */
  | 'AGENT'
  /** Nobody: all call slots of the plan were in use, and there was no fallback number to ring. */
  | 'BUSY'
  /** A person: the fallback number, or the number to which a routing rule forwards. */
  | 'FALLBACK'
  /** Nobody: a routing rule rejected the call. */
  | 'REJECTED'
  /**
   * A spoken message: that of a routing rule, or the apology if neither the agent nor a person could take
   * the call.
   */
  | 'UNAVAILABLE';

/** State of a call, as the carrier reports it. */
export type CallStatus =
  /** Ended with a busy signal. */
  | 'BUSY'
  /** The caller hung up before it was answered. */
  | 'CANCELED'
  /** Answered and ended. */
  | 'COMPLETED'
  /** Failed: it could not be connected, or its conversation never began. */
  | 'FAILED'
  /** Answered and in progress. */
  | 'IN_PROGRESS'
  /** Ended without an answer. */
  | 'NO_ANSWER'
  /** Ringing; not answered yet. */
  | 'RINGING';

/** Input of `cancelPort`. */
export type CancelPortInput = {
  /** Id of the kept number. */
  keptNumberId: Scalars['ID']['input'];
};

/** Input of `cancelRelease`. */
export type CancelReleaseInput = {
  /** Id of the number. */
  id: Scalars['ID']['input'];
};

/** Owner of the account. */
export type CarrierAccountKind =
  /** The tenant's own account, connected by `connectCarrierAccount`. */
  | 'OWN'
  /** The platform's account, which the tenants share. */
  | 'SHARED'
  /** A subaccount of the platform's account, for this tenant alone. */
  | 'SUBACCOUNT';

/** State of an account at the carrier, as of the last check. */
export type CarrierAccountStatus =
  /** The carrier accepts its credentials. */
  | 'ACTIVE'
  /** It is closed at the carrier. */
  | 'CLOSED'
  /** The carrier rejects its auth token or its API key; `detail` says which. While the token is rejected, callers hear an apology. */
  | 'REJECTED'
  /** The carrier has suspended it. */
  | 'SUSPENDED';

/** Input of `connectCarrierAccount`. */
export type ConnectCarrierAccountInput = {
  /** The account's SID: `AC` and 32 hexadecimal digits. */
  accountSid: Scalars['String']['input'];
  /** The secret of the API key. Required with `apiKeySid`. Stored encrypted and never shown. */
  apiKeySecret?: InputMaybe<Scalars['String']['input']>;
  /**
   * The SID of an API key of the account: `SK` and 32 hexadecimal digits. Requests in the account are then authenticated by the key,
   * and the auth token only verifies webhooks. Left out, together with `apiKeySecret`: the auth token authenticates requests.
   */
  apiKeySid?: InputMaybe<Scalars['String']['input']>;
  /** The account's primary auth token, with which the carrier signs its webhooks. Stored encrypted and never shown. */
  authToken: Scalars['String']['input'];
};

/** Input of `createAgent`. */
export type CreateAgentInput = {
  /** Area code of the number to buy: three digits. Only for the United States and Canada. */
  areaCode?: InputMaybe<Scalars['String']['input']>;
  /** Country of the number to buy. */
  country?: Scalars['CountryCode']['input'];
  /**
   * The number that rings if the agent cannot take a call. Without it the caller hears a message. Rejected
   * unless `viewer.limits` allows its country and kind.
   */
  fallbackNumber?: InputMaybe<Scalars['E164']['input']>;
  /**
   * The first sentence that the caller hears: 1 to 2,000 characters. Default: a greeting with the name, in
   * the agent's language.
   */
  firstMessage?: InputMaybe<Scalars['String']['input']>;
  /**
   * Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
   * same key returns the same operation instead of creating a second agent.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What to do if the area code, or the country, has no number for sale. */
  ifUnavailable?: IfUnavailable;
  /** Language code: `en`, `de`, `pt-br`. An unsupported language is rejected with the list of supported ones. */
  language?: Scalars['String']['input'];
  /** What happens to the text messages that the agent's numbers receive. Default: NOTIFY. */
  messaging?: InputMaybe<AgentMessaging>;
  /** Name of the practice, as callers hear it: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** Instructions for the agent: 1 to 20,000 characters. Default: those of a receptionist who takes messages. */
  prompt?: InputMaybe<Scalars['String']['input']>;
  /** Whether to buy a number for the agent at once. */
  provisionPhone?: Scalars['Boolean']['input'];
  /** Id of a voice at ElevenLabs. Default: a stock voice. */
  voiceId?: InputMaybe<Scalars['String']['input']>;
};

/** Input of `createCallGroup`. */
export type CreateCallGroupInput = {
  /** The members, 1 to 20, in the order in which OVERFLOW offers them a call. */
  members: Array<CallGroupMemberInput>;
  /** Your own name for the group, 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** How the member that takes a call is chosen. */
  strategy: CallGroupStrategy;
};

/** Input of `deleteAgent`. */
export type DeleteAgentInput = {
  /**
   * Whether emergency addresses that are registered for its bought numbers are removed first, which takes minutes. Without it the
   * deletion of an agent with such a number fails and changes nothing. From a ported number, which stays in the carrier account,
   * the address is removed last; without it the carrier goes on charging for it. Imported and hosted numbers keep theirs.
   */
  clearEmergencyAddresses?: Scalars['Boolean']['input'];
  /** Id of the agent. */
  id: Scalars['ID']['input'];
  /** Whether its numbers go to the tenant's pool instead of being released. Releases that were requested before go on. */
  keepPhoneNumbers?: Scalars['Boolean']['input'];
};

/** Input of `deleteCallGroup`. */
export type DeleteCallGroupInput = {
  /** Id of the group. */
  id: Scalars['ID']['input'];
};

/** Input of `disconnectCarrierAccount`. */
export type DisconnectCarrierAccountInput = {
  /** Id of the account. */
  id: Scalars['ID']['input'];
};

/** State of a part of the server. */
export type HealthStatus =
  /** It works in part, is behind, or needs attention. */
  | 'DEGRADED'
  /** It does not work. */
  | 'DOWN'
  /** It works. */
  | 'OK';

/** What to do if no number matches the request. */
export type IfUnavailable =
  /** Buy any other number in the country. */
  | 'ANY_IN_COUNTRY'
  /** Buy none. The error suggests area codes that have numbers. */
  | 'FAIL';

/** Input of `importPhoneNumber`. */
export type ImportPhoneNumberInput = {
  /**
   * Id of the agent that answers the number's calls. Absent: the number goes to the tenant's pool. Required from an operator who
   * names no tenant in `X-Tenant-Id`.
   */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Id of the tenant's own carrier account. Absent: the platform's account, from which only operators can import. */
  carrierAccountId?: InputMaybe<Scalars['ID']['input']>;
  /**
   * Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the same key returns the
   * same operation.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Your own name for the number, 1 to 100 characters. */
  label?: InputMaybe<Scalars['String']['input']>;
  /** The number, which the carrier account must hold. */
  number: Scalars['E164']['input'];
  /**
   * Whether to take the number over even if its calls or texts go to another system: a trunk, an application, a Messaging Service,
   * or a URL of another host. Without it such a number is refused, and the error says what is set.
   */
  replaceSettings?: Scalars['Boolean']['input'];
};

/** Input of `keepPhoneNumber`. */
export type KeepPhoneNumberInput = {
  /** Id of the agent that is to answer its calls. */
  agentId: Scalars['ID']['input'];
  /**
   * Area code of the number that calls are forwarded to: three digits. Default: that of `number`. If none is for sale there, one
   * of the country is bought.
   */
  areaCode?: InputMaybe<Scalars['String']['input']>;
  /**
   * Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
   * same key returns the same kept number and operation.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The number at another carrier. */
  number: Scalars['E164']['input'];
};

/** State of a kept number. */
export type KeptNumberState =
  /** The port was canceled, or no target could be bought: see `detail`. */
  | 'CANCELED'
  /** The number has arrived and is being set up. */
  | 'CUT_OVER'
  /** The number is ported and takes calls. */
  | 'DONE'
  /** Nobody signed the letter of authorization in time. */
  | 'EXPIRED'
  /** Calls are to be forwarded: see `forwardingInstructions`. No call has come in through the number yet. */
  | 'FORWARDING'
  /** The losing carrier has confirmed `portDate`. */
  | 'PORT_DATE_SET'
  /** The losing carrier has the request. */
  | 'PORT_IN_PROGRESS'
  /** A port was requested. The carrier checks the request. */
  | 'PORT_REQUESTED'
  /** The port was rejected: `detail` says why. Repeat `requestPort` with corrected data. */
  | 'REJECTED'
  /** A call has come in through the number. */
  | 'VERIFIED'
  /** The authorized representative has to sign the letter of authorization: see `signatureUrl`. */
  | 'WAITING_FOR_SIGNATURE';

/** Direction of a message. */
export type MessageDirection =
  /** Sent to one of the tenant's numbers. */
  | 'INBOUND'
  /** Sent from one of the tenant's numbers. */
  | 'OUTBOUND';

/** Encoding of a text. */
export type MessageEncoding =
  /** The GSM alphabet: 160 units in one segment, 153 in each of several. */
  | 'GSM_7'
  /** Any other character turns the whole text to UCS-2: 70 units in one segment, 67 in each of several. */
  | 'UCS_2';

/** Filter for messages. All given conditions must match. */
export type MessageFilter = {
  /** Only messages whose number this agent had at the time. */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Only messages in this direction. */
  direction?: InputMaybe<MessageDirection>;
  /** Only messages from and to this number. */
  phoneNumberId?: InputMaybe<Scalars['ID']['input']>;
  /** Only messages in this state. */
  status?: InputMaybe<MessageStatus>;
  /** Only messages of this thread. */
  threadId?: InputMaybe<Scalars['ID']['input']>;
};

/** State of a message, as the carrier reports it. */
export type MessageStatus =
  /** Canceled before it was sent. */
  | 'CANCELED'
  /** The network or the handset confirmed the delivery. */
  | 'DELIVERED'
  /** It never left: see `error`. */
  | 'FAILED'
  /** Stored; the carrier does not have it yet. */
  | 'PENDING'
  /** The carrier has it. */
  | 'QUEUED'
  /** It came in. */
  | 'RECEIVED'
  /** The carrier is handing it to the network. */
  | 'SENDING'
  /** The network has it. Not every network confirms the delivery, so this is often the last state. */
  | 'SENT'
  /** The network reported that it could not be delivered: see `error`. */
  | 'UNDELIVERED';

/** Filter for threads. All given conditions must match. */
export type MessageThreadFilter = {
  /** Only threads of the numbers that this agent has now. */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Only threads that are handled so. */
  handling?: InputMaybe<ThreadHandling>;
  /** Only threads with this participant. */
  participant?: InputMaybe<Scalars['String']['input']>;
  /** Only threads of this number. */
  phoneNumberId?: InputMaybe<Scalars['ID']['input']>;
};

/** Whether a participant wants messages from the tenant. It holds for all of the tenant's numbers. */
export type MessagingConsent =
  /** Nothing was said. */
  | 'IMPLIED'
  /** The participant agreed. */
  | 'OPTED_IN'
  /** The participant asked for no more messages. None is sent. */
  | 'OPTED_OUT';

/** What a number may send. */
export type MessagingStatus =
  /** Its registration is being reviewed. Texts may fail until it is approved. */
  | 'PENDING'
  /** The number can send texts. */
  | 'READY'
  /** Its registration was rejected or suspended: see `messagingStatusReason`. */
  | 'REJECTED'
  /** The carrier was not asked yet, or did not tell. */
  | 'UNKNOWN'
  /** The number must be registered or verified first. Texts to the United States fail, from toll-free numbers to Canada as well. */
  | 'UNREGISTERED'
  /** The number cannot send texts. */
  | 'UNSUPPORTED';

/** Input of `movePhoneNumber`. */
export type MovePhoneNumberInput = {
  /** Id of the account that it moves to: the platform's, or the tenant's subaccount. */
  carrierAccountId: Scalars['ID']['input'];
  /** Id of the number. */
  id: Scalars['ID']['input'];
};

/** Where a number comes from. */
export type NumberOrigin =
  /** Held at the carrier before, and taken over. It has the number's texts; another carrier has its calls. */
  | 'HOSTED'
  /** Held at the carrier before, and taken over. */
  | 'IMPORTED'
  /** Ported from another carrier. */
  | 'PORTED'
  /** Bought for an agent. */
  | 'PURCHASED'
  /** Bought ahead by the operator. */
  | 'STOCK';

/** Filter for operations. All given conditions must match. */
export type OperationFilter = {
  /** Only operations about this agent. */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Only operations of this kind. */
  kind?: InputMaybe<OperationKind>;
  /** Only operations about this number. */
  phoneNumberId?: InputMaybe<Scalars['ID']['input']>;
  /** Only operations in this state. */
  state?: InputMaybe<OperationState>;
};

/** Kind of an operation. New kinds may be added. */
export type OperationKind =
  /**
   * Looks up whether the carrier still has a number, and marks it `ACTIVE` or `INACTIVE`. Started by
   * reconciliation.
   */
  | 'CHECK_NUMBER'
  /** Creates a voice agent and, unless `provisionPhone` is false, buys a number for it. */
  | 'CREATE_AGENT'
  /**
   * Creates the tenant's subaccount at the carrier. Started by the first purchase of a number with
   * `CARRIER_ACCOUNTS=subaccount`.
   */
  | 'CREATE_CARRIER_ACCOUNT'
  /** Releases the numbers of an agent and deletes it at the voice provider. */
  | 'DELETE_AGENT'
  /** Takes over a number that the carrier account holds already. */
  | 'IMPORT_NUMBER'
  /** Buys the number that calls to a number of another carrier are forwarded to. */
  | 'KEEP_NUMBER'
  /** Moves a number between accounts at the carrier. */
  | 'MOVE_NUMBER'
  /** Ports a kept number from another carrier. It takes weeks, most of which it waits for the carriers. */
  | 'PORT_NUMBER'
  /** Buys a number for an agent. */
  | 'PROVISION_NUMBER'
  /** Releases a number to the carrier. */
  | 'RELEASE_NUMBER'
  /** Restores the settings of a number at the carrier, its webhooks among them. */
  | 'REPAIR_NUMBER'
  /** Puts the former settings of an imported number back, and gives it up. */
  | 'RESTORE_NUMBER'
  /** Replaces a voice agent that the voice provider has lost. Started by reconciliation. */
  | 'RESTORE_VOICE_AGENT'
  /** Sends a text message. */
  | 'SEND_MESSAGE';

/** State of an operation. */
export type OperationState =
  /** Failed. Partial work was rolled back; `error` contains the reason. */
  | 'FAILED'
  /** Accepted, but not started. A release waits here for the end of its grace period. */
  | 'PENDING'
  /** In progress. It continues without the request that started it, also after a crash of the server. */
  | 'RUNNING'
  /** Completed. */
  | 'SUCCEEDED';

/** Filter for numbers. All given conditions must match. */
export type PhoneNumberFilter = {
  /** Only numbers of this agent. */
  agentId?: InputMaybe<Scalars['ID']['input']>;
  /** `true`: only numbers that are assigned to an agent or a call group; `false`: only numbers in the pool. */
  assigned?: InputMaybe<Scalars['Boolean']['input']>;
  /** Only numbers of this call group. */
  callGroupId?: InputMaybe<Scalars['ID']['input']>;
  /** Only numbers of this country. */
  countryCode?: InputMaybe<Scalars['CountryCode']['input']>;
  /** Only numbers in this state. Default: all except RELEASED. */
  status?: InputMaybe<PhoneNumberStatus>;
};

/** The carrier that provides a number. */
export type PhoneNumberProvider =
  /** ElevenLabs. */
  | 'ELEVENLABS'
  /** Twilio. */
  | 'TWILIO';

/** Lifecycle state of a number. */
export type PhoneNumberStatus =
  /** Held by the tenant; takes calls. */
  | 'ACTIVE'
  /** Held by the tenant, but missing at the carrier. Repair it, or release it. */
  | 'INACTIVE'
  /** Being bought. */
  | 'PENDING'
  /** Released, or never bought. Kept for history. */
  | 'RELEASED'
  /** Being released. Still takes calls during the grace period, in which `cancelRelease` keeps it. */
  | 'RELEASING';

/** Kind of a number. Not every country has every kind: the United States has no mobile numbers. */
export type PhoneNumberType =
  /** A geographic number. */
  | 'LOCAL'
  /** A mobile number. */
  | 'MOBILE'
  /** A number that is free of charge for the caller. */
  | 'TOLL_FREE';

/** A bill of the losing carrier. */
export type PortDocumentInput = {
  /** The file in base64, at most 10 MB before encoding. */
  base64: Scalars['String']['input'];
  /** `application/pdf`, `image/jpeg` or `image/png`. The content must be such a file. */
  contentType: Scalars['String']['input'];
};

/** Input of `provisionPhoneNumber`. */
export type ProvisionPhoneNumberInput = {
  /** Whether to buy another number for an agent that already has one. */
  additional?: Scalars['Boolean']['input'];
  /** Id of the agent. */
  agentId: Scalars['ID']['input'];
  /** Area code of the number: three digits. Only for the United States and Canada. */
  areaCode?: InputMaybe<Scalars['String']['input']>;
  /** Country of the number. */
  country?: Scalars['CountryCode']['input'];
  /**
   * Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
   * same key returns the same operation instead of buying a second number.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What to do if no such number is for sale. */
  ifUnavailable?: IfUnavailable;
  /** Your own name for the number, 1 to 100 characters. */
  label?: InputMaybe<Scalars['String']['input']>;
  /** Exactly this number, from `availablePhoneNumbers`. */
  number?: InputMaybe<Scalars['E164']['input']>;
  /** Kind of number. */
  type?: PhoneNumberType;
};

/** Input of `releasePhoneNumber`. */
export type ReleasePhoneNumberInput = {
  /**
   * Whether an emergency address that is registered for a bought number is removed first, which takes minutes. Without it the
   * release of such a number fails and changes nothing. From a ported number, which stays in the carrier account, the address is
   * removed last; without it the carrier goes on charging for it. An imported or hosted number keeps its address.
   */
  clearEmergencyAddress?: Scalars['Boolean']['input'];
  /** Id of the number. */
  id: Scalars['ID']['input'];
};

/** Input of `repairPhoneNumber`. */
export type RepairPhoneNumberInput = {
  /** Id of the number. */
  id: Scalars['ID']['input'];
};

/** Input of `requestPort`: the customer's data as the losing carrier has them. It compares every field. */
export type RequestPortInput = {
  /** The customer's account number at the losing carrier. Required for mobile numbers. */
  accountNumber?: InputMaybe<Scalars['String']['input']>;
  /** A bill of the losing carrier, at most 30 days old. It is deleted here when the carrier has it. */
  bill: PortDocumentInput;
  /** City. */
  city: Scalars['String']['input'];
  /** Country. Only numbers of the United States can be ported. */
  country?: Scalars['CountryCode']['input'];
  /** The customer's name at the losing carrier, as on the bill. */
  customerName: Scalars['String']['input'];
  /**
   * Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
   * same key returns the same operation.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Id of the kept number. */
  keptNumberId: Scalars['ID']['input'];
  /** PIN of the number at the losing carrier. Required for mobile numbers. */
  pin?: InputMaybe<Scalars['String']['input']>;
  /** ZIP code: five digits, or nine with a hyphen. */
  postalCode: Scalars['String']['input'];
  /** State: two letters. */
  region: Scalars['String']['input'];
  /**
   * Whether this address is registered for emergency calls from the number once it has arrived. The carrier charges a monthly fee.
   * An address that the carrier refuses stops neither the port nor the calls: `detail` of the kept number then says why.
   */
  registerEmergencyAddress?: Scalars['Boolean']['input'];
  /** Name of the person who is authorized to sign for the customer. */
  representative: Scalars['String']['input'];
  /** Where the letter of authorization is sent to be signed. */
  representativeEmail: Scalars['String']['input'];
  /** Street and number of the customer's address at the losing carrier. */
  street: Scalars['String']['input'];
  /** The wished date, such as `2026-12-31`: at least 7 days ahead. The losing carrier decides. */
  targetDate?: InputMaybe<Scalars['String']['input']>;
};

/** Input of `restorePhoneNumber`. */
export type RestorePhoneNumberInput = {
  /** Id of an imported or hosted number. */
  id: Scalars['ID']['input'];
};

/** Input of `rotateAgentToken`. */
export type RotateAgentTokenInput = {
  /** Id of the agent. */
  id: Scalars['ID']['input'];
};

/** Action of a routing rule. */
export type RoutingActionInput = {
  /**
   * The number to ring; not the called number itself. Required for FORWARD and FORWARD_THEN_AGENT. Rejected
   * unless `viewer.limits` allows its country and kind.
   */
  forwardTo?: InputMaybe<Scalars['E164']['input']>;
  /** Kind of action. */
  kind: RoutingActionKind;
  /** What the caller hears, in the agent's language: 1 to 500 characters. Required for MESSAGE. */
  message?: InputMaybe<Scalars['String']['input']>;
  /** How long to ring, in seconds: 5 to 60. Required for FORWARD_THEN_AGENT; default 20 for FORWARD. */
  ringSeconds?: InputMaybe<Scalars['Int']['input']>;
};

/** Kind of a routing action. */
export type RoutingActionKind =
  /** The agent answers, as without rules. */
  | 'AGENT'
  /** The number `forwardTo` rings. If nobody answers, the caller hears a message. Takes no call slot. */
  | 'FORWARD'
  /** The number `forwardTo` rings for `ringSeconds`. If nobody answers, the agent does. */
  | 'FORWARD_THEN_AGENT'
  /** The caller hears `message` in the agent's language, and the call ends. Takes no call slot. */
  | 'MESSAGE'
  /** The call is not answered and costs nothing. Takes no call slot. */
  | 'REJECT';

/** Condition of a routing rule. All given parts must match. */
export type RoutingConditionInput = {
  /**
   * Callers, at most 500: E.164 numbers or their prefixes (`+12125550123`, `+1212`); exact addresses, short
   * codes of 3 to 6 digits or words (`sip:desk@example.com`, `client:alice`, `911`); `anonymous` for callers
   * that the carrier reports as hidden.
   */
  callers?: InputMaybe<Array<Scalars['String']['input']>>;
  /**
   * Dates in `timeZone`, such as holidays: `YYYY-MM-DD`, at most 366. A window that spans midnight belongs
   * to the date on which it starts.
   */
  dates?: InputMaybe<Array<Scalars['String']['input']>>;
  /** Days of the week in `timeZone`. A window that spans midnight belongs to the day on which it starts. */
  days?: InputMaybe<Array<Weekday>>;
  /** Start of the time window, inclusive: `HH:MM` in `timeZone`. Requires `to`. */
  from?: InputMaybe<Scalars['String']['input']>;
  /**
   * IANA time zone name, such as `Europe/Berlin`. Required with `from`, `to`, `days` or `dates`. Daylight
   * saving is observed: a skipped hour never matches, a repeated one matches twice.
   */
  timeZone?: InputMaybe<Scalars['String']['input']>;
  /**
   * End of the time window, exclusive: `HH:MM` in `timeZone`; midnight is `00:00`. If it is earlier than
   * `from`, the window spans midnight. Requires `from`.
   */
  to?: InputMaybe<Scalars['String']['input']>;
};

/** A routing rule: calls that match the condition get the action. */
export type RoutingRuleInput = {
  /** What happens to those calls. */
  action: RoutingActionInput;
  /** Which calls the rule applies to. `{}` matches every call. */
  condition: RoutingConditionInput;
  /** Name of the rule: 1 to 100 characters, unique among the number's rules. */
  name: Scalars['String']['input'];
};

/** Input of `sendMessage`. */
export type SendMessageInput = {
  /** The text: 1 to 1600 characters. Optional with `mediaUrls`. */
  body?: InputMaybe<Scalars['String']['input']>;
  /**
   * Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
   * same key returns the same message instead of sending a second one.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /**
   * Public `https` addresses of at most ten pictures or files, which the carrier fetches. Only in the United States and
   * Canada.
   */
  mediaUrls?: InputMaybe<Array<Scalars['String']['input']>>;
  /** Id of the tenant's number that sends it. */
  phoneNumberId: Scalars['ID']['input'];
  /** The recipient, in E.164. */
  to: Scalars['String']['input'];
};

/** Role of a caller. */
export type SessionRole =
  /** The tools of a voice agent: read what concerns their agent. */
  | 'AGENT'
  /** An operator: reads what concerns all tenants, and acts for the tenant that the header `X-Tenant-Id` names. */
  | 'OPERATOR'
  /** A tenant: reads and changes what it owns. */
  | 'TENANT';

/** Input of `setMessagingConsent`. */
export type SetMessagingConsentInput = {
  /** What the participant said. */
  consent: MessagingConsent;
  /** The participant: an E.164 number, or what the carrier sends instead. */
  participant: Scalars['String']['input'];
  /** Id of the number at which the thread with the participant is. The consent holds for all numbers. */
  phoneNumberId: Scalars['ID']['input'];
};

/** Input of `setPrimaryPhoneNumber`. */
export type SetPrimaryPhoneNumberInput = {
  /** Id of the number. */
  id: Scalars['ID']['input'];
};

/** Input of `setRoutingRules`. */
export type SetRoutingRulesInput = {
  /**
   * The `routingVersion` that these rules are based on: if the rules have changed since, the request is
   * rejected. Default: replace whatever is there.
   */
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** Id of the number. */
  phoneNumberId: Scalars['ID']['input'];
  /**
   * All rules of the number, at most 50, in the order of evaluation; existing rules are replaced. An empty
   * list: the agent answers every call. A rule that can never apply because of earlier ones is rejected.
   */
  rules: Array<RoutingRuleInput>;
};

/** Input of `setTenantPlan`. */
export type SetTenantPlanInput = {
  /** Maximum concurrent calls: 1 to 50. Lowering it ends no call. */
  concurrentCalls: Scalars['Int']['input'];
  /**
   * Countries of the numbers that may be dialled, as fallback numbers or by routing rules. An empty list:
   * none. `null`: the server's `DIAL_COUNTRIES`. Absent: unchanged. Numbers stored earlier remain, but are
   * dialled only if allowed.
   */
  dialCountries?: InputMaybe<Array<Scalars['CountryCode']['input']>>;
  /**
   * Whether numbers that can cost more than an ordinary call may be dialled: premium-rate, shared-cost,
   * personal and satellite numbers, pagers, and numbers outside all numbering plans. `null`: no. Absent:
   * unchanged.
   */
  dialPremiumNumbers?: InputMaybe<Scalars['Boolean']['input']>;
  /** Maximum text messages sent within 24 hours: 0 to 1000000. Absent: unchanged, for a new tenant 1000. */
  messagesPerDay?: InputMaybe<Scalars['Int']['input']>;
  /** Name of the plan, for display: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** Maximum numbers held at the same time: 0 to 65535. Lowering it releases no number. */
  phoneNumbers: Scalars['Int']['input'];
  /** The tenant's id. A tenant that does not exist yet is created. */
  userId: Scalars['UUID']['input'];
};

/** Input of `setThreadHandling`. */
export type SetThreadHandlingInput = {
  /** Who is to answer: AGENT, PERSON or NOBODY. WAITING_FOR_PERSON is set by the server alone. */
  handling: ThreadHandling;
  /** Id of the thread. */
  threadId: Scalars['ID']['input'];
};

/** Speaker in a conversation. */
export type Speaker =
  /** The voice agent. */
  | 'AGENT'
  /** The caller. */
  | 'CALLER';

/** Length of a bucket of statistics. */
export type StatisticsInterval =
  /** Days of the local calendar: of 23 or 25 hours when the clock changes. */
  | 'DAY'
  /** Hours of the local clock. An hour in which the clock changes ends at the change. */
  | 'HOUR';

/** Filter for tenants. All given conditions must match. */
export type TenantFilter = {
  /** Only tenants whose plan has exactly this name. */
  planName?: InputMaybe<Scalars['String']['input']>;
  /** Only this tenant. */
  userId?: InputMaybe<Scalars['UUID']['input']>;
};

/** Who answers a thread. */
export type ThreadHandling =
  /** The agent. */
  | 'AGENT'
  /** Nobody: messages are stored and announced. */
  | 'NOBODY'
  /** A person of the tenant, who has taken it over. */
  | 'PERSON'
  /** A person is needed: the agent could not answer. */
  | 'WAITING_FOR_PERSON';

/** Input of `updateAgent`. An absent field remains unchanged; `null` clears it. */
export type UpdateAgentInput = {
  /**
   * The number that rings if the agent cannot take a call. `null`: the caller hears a message instead.
   * Rejected unless `viewer.limits` allows its country and kind.
   */
  fallbackNumber?: InputMaybe<Scalars['E164']['input']>;
  /**
   * The first sentence that the caller hears: 1 to 2,000 characters. `null`: a greeting with the name, in
   * the agent's language.
   */
  firstMessage?: InputMaybe<Scalars['String']['input']>;
  /**
   * The answer to a text that asks for help, where the carrier does not answer it: 1 to 1600 characters. Say who sends the
   * texts and how to stop them. `null`: no answer.
   */
  helpText?: InputMaybe<Scalars['String']['input']>;
  /** Id of the agent. */
  id: Scalars['ID']['input'];
  /** Language code. Cannot be `null`. */
  language?: InputMaybe<Scalars['String']['input']>;
  /**
   * What happens to the text messages that the agent's numbers receive. Threads whose `handling` nobody has set follow with
   * their next message. Cannot be `null`.
   */
  messaging?: InputMaybe<AgentMessaging>;
  /** Name of the practice: 1 to 100 characters. Cannot be `null`. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** Instructions for the agent: 1 to 20,000 characters. `null`: those of a receptionist who takes messages. */
  prompt?: InputMaybe<Scalars['String']['input']>;
  /** ACTIVE: the agent takes calls. INACTIVE: calls go to the fallback number. Other values are rejected. */
  status?: InputMaybe<AgentStatus>;
  /** Id of a voice at ElevenLabs. `null`: a stock voice. */
  voiceId?: InputMaybe<Scalars['String']['input']>;
};

/** Input of `updateCallGroup`. A field that is `null` or left out stays as it is. */
export type UpdateCallGroupInput = {
  /**
   * The `version` that these changes are based on: if the group has changed since, the request is rejected. Default: change it
   * whatever its version is.
   */
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** Id of the group. */
  id: Scalars['ID']['input'];
  /** New members, 1 to 20, which replace all former ones. */
  members?: InputMaybe<Array<CallGroupMemberInput>>;
  /** New name, 1 to 100 characters. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** How the member that takes a call is chosen. */
  strategy?: InputMaybe<CallGroupStrategy>;
};

/**
 * Reason of a `UserError`. New codes may be added: treat an unknown one as a general error and show its
 * message.
 */
export type UserErrorCode =
  /** The carrier rejected the request. The message contains the reason. */
  | 'CARRIER_REJECTED'
  /** The carrier is unavailable. Retry later. */
  | 'CARRIER_UNAVAILABLE'
  /** The idempotency key was used before with other input. Repeat that input, or use a new key. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** A value of the input is invalid. The message states what is allowed. */
  | 'INVALID_INPUT'
  /** A limit of the plan, of the hour or of one request is reached. The message names it. */
  | 'LIMIT_REACHED'
  /** No object of the tenant has this id. */
  | 'NOT_FOUND'
  /** The number is not registered for texts with the networks, which would block them. */
  | 'NOT_REGISTERED'
  /** The carrier has no such number for sale. `suggestedAreaCodes` lists area codes that have some. */
  | 'NO_AVAILABLE_NUMBERS'
  /** Somebody else bought the requested number first. */
  | 'NUMBER_TAKEN'
  /** The recipient asked for no more texts. Only the recipient's own START, or a consent given otherwise, permits them again. */
  | 'OPTED_OUT'
  /** The agent already has a number. Pass `additional: true` to buy another one. */
  | 'PHONE_NUMBER_ALREADY_EXISTS'
  /** The voice provider rejected the request. The message contains the reason. */
  | 'VOICE_PROVIDER_REJECTED'
  /** The voice provider is unavailable. Retry later. */
  | 'VOICE_PROVIDER_UNAVAILABLE';

/** A day of the week. */
export type Weekday =
  /** Friday. */
  | 'FRIDAY'
  /** Monday. */
  | 'MONDAY'
  /** Saturday. */
  | 'SATURDAY'
  /** Sunday. */
  | 'SUNDAY'
  /** Thursday. */
  | 'THURSDAY'
  /** Tuesday. */
  | 'TUESDAY'
  /** Wednesday. */
  | 'WEDNESDAY';

export type AccountsQueryVariables = Exact<{ [key: string]: never; }>;


export type AccountsQuery = { carrierAccounts: Array<{ createdAt: string, id: string, provider: PhoneNumberProvider, accountSid: string, kind: CarrierAccountKind, status: CarrierAccountStatus, apiKeySid: string | null, detail: string | null }> };

export type AccountFieldsFragment = { id: string, provider: PhoneNumberProvider, accountSid: string, kind: CarrierAccountKind, status: CarrierAccountStatus, apiKeySid: string | null, detail: string | null };

export type AccountConnectMutationVariables = Exact<{
  input: ConnectCarrierAccountInput;
}>;


export type AccountConnectMutation = { connectCarrierAccount: { carrierAccount: { id: string, provider: PhoneNumberProvider, accountSid: string, kind: CarrierAccountKind, status: CarrierAccountStatus, apiKeySid: string | null, detail: string | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type AccountDisconnectMutationVariables = Exact<{
  input: DisconnectCarrierAccountInput;
}>;


export type AccountDisconnectMutation = { disconnectCarrierAccount: { carrierAccount: { id: string, provider: PhoneNumberProvider, accountSid: string, kind: CarrierAccountKind, status: CarrierAccountStatus, apiKeySid: string | null, detail: string | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type AccountMoveNumberMutationVariables = Exact<{
  input: MovePhoneNumberInput;
}>;


export type AccountMoveNumberMutation = { movePhoneNumber: { operation: { id: string, state: OperationState } | null, phoneNumber: { id: string, carrierAccount: { id: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type AgentViewQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type AgentViewQuery = { agent: { id: string, name: string, status: AgentStatus, language: string, firstMessage: string | null, fallbackNumber: string | null, messaging: AgentMessaging, helpText: string | null, syncState: AgentSyncState, tokenPreview: string, createdAt: string, updatedAt: string, phoneNumbers: { nodes: Array<{ id: string, number: string, friendlyName: string, label: string | null, primary: boolean, status: PhoneNumberStatus, monthlyCost: string }>, pageInfo: { hasNextPage: boolean } }, syncError: { code: UserErrorCode, message: string } | null } | null };

export type AgentPoolQueryVariables = Exact<{ [key: string]: never; }>;


export type AgentPoolQuery = { phoneNumbers: { nodes: Array<{ id: string, number: string, label: string | null, status: PhoneNumberStatus, monthlyCost: string, agent: { id: string } | null, callGroup: { id: string } | null }>, pageInfo: { hasNextPage: boolean } } };

export type AgentCallsQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type AgentCallsQuery = { agent: { id: string, calls: { nodes: Array<{ id: string, startedAt: string, from: string, status: CallStatus, outcome: CallOutcome, durationSeconds: number | null }> } } | null };

export type AgentOperationsQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type AgentOperationsQuery = { operations: { nodes: Array<{ id: string }> } };

export type AgentCallUpdatedSubscriptionVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type AgentCallUpdatedSubscription = { callUpdated: { id: string } };

export type AgentUpdateMutationVariables = Exact<{
  input: UpdateAgentInput;
}>;


export type AgentUpdateMutation = { updateAgent: { agent: { id: string, name: string, status: AgentStatus, language: string, firstMessage: string | null, fallbackNumber: string | null, messaging: AgentMessaging, helpText: string | null, syncState: AgentSyncState, tokenPreview: string, createdAt: string, updatedAt: string, syncError: { code: UserErrorCode, message: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type AgentDeleteMutationVariables = Exact<{
  input: DeleteAgentInput;
}>;


export type AgentDeleteMutation = { deleteAgent: { operation: { id: string } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type AgentRotateTokenMutationVariables = Exact<{
  input: RotateAgentTokenInput;
}>;


export type AgentRotateTokenMutation = { rotateAgentToken: { apiToken: string | null, agent: { id: string, tokenPreview: string } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type AgentFieldsFragment = { id: string, name: string, status: AgentStatus, language: string, firstMessage: string | null, fallbackNumber: string | null, messaging: AgentMessaging, helpText: string | null, syncState: AgentSyncState, tokenPreview: string, createdAt: string, updatedAt: string, syncError: { code: UserErrorCode, message: string } | null };

export type AgentsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AgentFilter>;
}>;


export type AgentsQuery = { agents: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, name: string, status: AgentStatus, language: string, syncState: AgentSyncState, createdAt: string, phoneNumbers: { nodes: Array<{ id: string, number: string, friendlyName: string, status: PhoneNumberStatus }>, pageInfo: { hasNextPage: boolean } } }> } };

export type CallDetailsQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type CallDetailsQuery = { node: { id: string } | { id: string } | { sid: string, direction: CallDirection, from: string, to: string, status: CallStatus, outcome: CallOutcome, startedAt: string, endedAt: string | null, durationSeconds: number | null, estimatedCost: string | null, callerAttestation: string | null, conversationId: string | null, id: string, agent: { id: string, name: string, status: AgentStatus, fallbackNumber: string | null } | null, phoneNumber: { id: string, number: string } | null, decision: { reason: string, ruleName: string | null, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } | null }, transcript: Array<{ speaker: Speaker, text: string, atSeconds: number }> | null } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | null };

export type CallFollowedSubscriptionVariables = Exact<{
  agentId?: InputMaybe<Scalars['ID']['input']>;
}>;


export type CallFollowedSubscription = { callUpdated: { id: string } };

export type CallsPageQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<CallFilter>;
}>;


export type CallsPageQuery = { calls: { nodes: Array<{ id: string, startedAt: string, endedAt: string | null, from: string, to: string, status: CallStatus, outcome: CallOutcome, durationSeconds: number | null, estimatedCost: string | null, agent: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type CallsTotalQueryVariables = Exact<{
  filter?: InputMaybe<CallFilter>;
}>;


export type CallsTotalQuery = { calls: { totalCount: number } };

export type CallsExportQueryVariables = Exact<{
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<CallFilter>;
}>;


export type CallsExportQuery = { calls: { nodes: Array<{ id: string, sid: string, startedAt: string, endedAt: string | null, from: string, to: string, status: CallStatus, outcome: CallOutcome, durationSeconds: number | null, estimatedCost: string | null, conversationId: string | null, agent: { id: string, name: string } | null, decision: { ruleName: string | null, reason: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CallsUpdatedSubscriptionVariables = Exact<{
  agentId?: InputMaybe<Scalars['ID']['input']>;
}>;


export type CallsUpdatedSubscription = { callUpdated: { id: string } };

export type FilterAgentsQueryVariables = Exact<{
  filter?: InputMaybe<AgentFilter>;
}>;


export type FilterAgentsQuery = { agents: { nodes: Array<{ id: string, name: string }>, pageInfo: { hasNextPage: boolean } } };

export type FilterNumbersQueryVariables = Exact<{
  agentId?: InputMaybe<Scalars['ID']['input']>;
}>;


export type FilterNumbersQuery = { phoneNumbers: { nodes: Array<{ id: string, number: string, label: string | null }> } };

export type FilterAgentQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type FilterAgentQuery = { agent: { id: string, name: string } | null };

export type FilterNumberQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type FilterNumberQuery = { phoneNumber: { id: string, number: string, label: string | null } | null };

export type CallGroupsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
}>;


export type CallGroupsQuery = { callGroups: { nodes: Array<{ id: string, name: string, strategy: CallGroupStrategy, version: number, createdAt: string, phoneNumbers: { nodes: Array<{ id: string, number: string }>, pageInfo: { hasNextPage: boolean } }, members: Array<{ weight: number, maxCalls: number | null, agent: { id: string, name: string, status: AgentStatus } }> }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type CallGroupQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type CallGroupQuery = { node: { id: string } | { id: string } | { id: string } | { id: string, name: string, strategy: CallGroupStrategy, version: number, createdAt: string, phoneNumbers: { nodes: Array<{ id: string, number: string, label: string | null, status: PhoneNumberStatus }>, pageInfo: { hasNextPage: boolean } }, members: Array<{ weight: number, maxCalls: number | null, agent: { id: string, name: string, status: AgentStatus } }> } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | null };

export type CallGroupFieldsFragment = { id: string, name: string, strategy: CallGroupStrategy, version: number, createdAt: string, members: Array<{ weight: number, maxCalls: number | null, agent: { id: string, name: string, status: AgentStatus } }> };

export type CallGroupChoiceQueryVariables = Exact<{ [key: string]: never; }>;


export type CallGroupChoiceQuery = { callGroups: { nodes: Array<{ id: string, name: string }> } };

export type CallGroupCreateMutationVariables = Exact<{
  input: CreateCallGroupInput;
}>;


export type CallGroupCreateMutation = { createCallGroup: { callGroup: { id: string, name: string, strategy: CallGroupStrategy, version: number, createdAt: string, members: Array<{ weight: number, maxCalls: number | null, agent: { id: string, name: string, status: AgentStatus } }> } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type CallGroupUpdateMutationVariables = Exact<{
  input: UpdateCallGroupInput;
}>;


export type CallGroupUpdateMutation = { updateCallGroup: { callGroup: { id: string, name: string, strategy: CallGroupStrategy, version: number, createdAt: string, members: Array<{ weight: number, maxCalls: number | null, agent: { id: string, name: string, status: AgentStatus } }> } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type CallGroupDeleteMutationVariables = Exact<{
  input: DeleteCallGroupInput;
}>;


export type CallGroupDeleteMutation = { deleteCallGroup: { callGroup: { id: string, phoneNumbers: { nodes: Array<{ id: string }> } } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type ImportNumberMutationVariables = Exact<{
  input: ImportPhoneNumberInput;
}>;


export type ImportNumberMutation = { importPhoneNumber: { operation: { id: string, state: OperationState } | null, phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type KeptQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
}>;


export type KeptQuery = { keptNumbers: { nodes: Array<{ id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type KeptOneQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type KeptOneQuery = { node: { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { forwardingInstructions: string | null, carrierStatus: string | null, signatureUrl: string | null, createdAt: string, id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | { id: string } | null };

export type KeptFieldsFragment = { id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null };

export type KeptPortabilityQueryVariables = Exact<{
  number: Scalars['E164']['input'];
}>;


export type KeptPortabilityQuery = { portability: { number: string, portable: boolean, reason: string | null, type: PhoneNumberType | null, pinRequired: boolean } };

export type KeptKeepMutationVariables = Exact<{
  input: KeepPhoneNumberInput;
}>;


export type KeptKeepMutation = { keepPhoneNumber: { keptNumber: { id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null } | null, operation: { id: string, state: OperationState } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type KeptAnnounceMutationVariables = Exact<{
  input: AnnounceTestCallInput;
}>;


export type KeptAnnounceMutation = { announceTestCall: { keptNumber: { id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type KeptRequestPortMutationVariables = Exact<{
  input: RequestPortInput;
}>;


export type KeptRequestPortMutation = { requestPort: { keptNumber: { id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type KeptCancelPortMutationVariables = Exact<{
  input: CancelPortInput;
}>;


export type KeptCancelPortMutation = { cancelPort: { keptNumber: { id: string, number: string, state: KeptNumberState, detail: string | null, portDate: string | null, updatedAt: string, target: { id: string, number: string, status: PhoneNumberStatus } | null, agent: { id: string, name: string, status: AgentStatus } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type MessagesThreadsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MessageThreadFilter>;
}>;


export type MessagesThreadsQuery = { messageThreads: { nodes: Array<{ id: string, participant: string, handling: ThreadHandling, consent: MessagingConsent, phoneNumber: { id: string, number: string }, agent: { id: string, name: string } | null, lastMessage: { id: string, direction: MessageDirection, body: string | null, status: MessageStatus, createdAt: string, media: Array<{ contentType: string }> } | null }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type MessagesThreadQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type MessagesThreadQuery = { node: { createdAt: string, id: string, participant: string, handling: ThreadHandling, consent: MessagingConsent, phoneNumber: { id: string, number: string, status: PhoneNumberStatus, messagingStatus: MessagingStatus, messagingStatusReason: string | null, capabilities: { sms: boolean } }, agent: { id: string, name: string, messaging: AgentMessaging } | null, messages: { nodes: Array<{ id: string, direction: MessageDirection, body: string | null, status: MessageStatus, segments: number | null, price: string | null, createdAt: string, error: { code: UserErrorCode, message: string } | null, media: Array<{ contentType: string, url: string, sizeBytes: number | null, problem: string | null }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | {} | null };

export type MessagesOlderQueryVariables = Exact<{
  id: Scalars['ID']['input'];
  after?: InputMaybe<Scalars['String']['input']>;
}>;


export type MessagesOlderQuery = { node: { id: string, messages: { nodes: Array<{ id: string, direction: MessageDirection, body: string | null, status: MessageStatus, segments: number | null, price: string | null, createdAt: string, error: { code: UserErrorCode, message: string } | null, media: Array<{ contentType: string, url: string, sizeBytes: number | null, problem: string | null }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | {} | null };

export type MessagesUpdatedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type MessagesUpdatedSubscription = { messageUpdated: { id: string } };

export type MessagesOfThreadUpdatedSubscriptionVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type MessagesOfThreadUpdatedSubscription = { messageUpdated: { id: string, direction: MessageDirection, body: string | null, status: MessageStatus, segments: number | null, price: string | null, createdAt: string, error: { code: UserErrorCode, message: string } | null, media: Array<{ contentType: string, url: string, sizeBytes: number | null, problem: string | null }> } };

export type MessagesEstimateQueryVariables = Exact<{
  body: Scalars['String']['input'];
}>;


export type MessagesEstimateQuery = { estimateMessage: { encoding: MessageEncoding, segments: number, characters: number } };

export type MessagesNumbersQueryVariables = Exact<{ [key: string]: never; }>;


export type MessagesNumbersQuery = { phoneNumbers: { nodes: Array<{ id: string, number: string, label: string | null, capabilities: { sms: boolean }, agent: { id: string, name: string } | null }> } };

export type MessagesSendMutationVariables = Exact<{
  input: SendMessageInput;
}>;


export type MessagesSendMutation = { sendMessage: { message: { id: string, direction: MessageDirection, body: string | null, status: MessageStatus, segments: number | null, price: string | null, createdAt: string, thread: { id: string }, error: { code: UserErrorCode, message: string } | null, media: Array<{ contentType: string, url: string, sizeBytes: number | null, problem: string | null }> } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type MessagesSetHandlingMutationVariables = Exact<{
  input: SetThreadHandlingInput;
}>;


export type MessagesSetHandlingMutation = { setThreadHandling: { thread: { id: string, participant: string, handling: ThreadHandling, consent: MessagingConsent } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type MessagesSetConsentMutationVariables = Exact<{
  input: SetMessagingConsentInput;
}>;


export type MessagesSetConsentMutation = { setMessagingConsent: { thread: { id: string, participant: string, handling: ThreadHandling, consent: MessagingConsent } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type MessagesThreadStateFragment = { id: string, participant: string, handling: ThreadHandling, consent: MessagingConsent };

export type MessagesPageFragment = { nodes: Array<{ id: string, direction: MessageDirection, body: string | null, status: MessageStatus, segments: number | null, price: string | null, createdAt: string, error: { code: UserErrorCode, message: string } | null, media: Array<{ contentType: string, url: string, sizeBytes: number | null, problem: string | null }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } };

export type MessagesMessageFragment = { id: string, direction: MessageDirection, body: string | null, status: MessageStatus, segments: number | null, price: string | null, createdAt: string, error: { code: UserErrorCode, message: string } | null, media: Array<{ contentType: string, url: string, sizeBytes: number | null, problem: string | null }> };

export type NewAgentOnSaleQueryVariables = Exact<{
  country: Scalars['CountryCode']['input'];
  areaCode?: InputMaybe<Scalars['String']['input']>;
}>;


export type NewAgentOnSaleQuery = { availablePhoneNumbers: Array<{ number: string, friendlyName: string, locality: string | null, region: string | null, monthlyCost: string }> };

export type NewAgentCreateMutationVariables = Exact<{
  input: CreateAgentInput;
}>;


export type NewAgentCreateMutation = { createAgent: { apiToken: string | null, agent: { id: string, name: string } | null, operation: { id: string, state: OperationState } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NewAgentBuyMutationVariables = Exact<{
  input: ProvisionPhoneNumberInput;
}>;


export type NewAgentBuyMutation = { provisionPhoneNumber: { operation: { id: string, state: OperationState, error: { code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NewAgentResultQueryVariables = Exact<{
  id: Scalars['ID']['input'];
  operationId: Scalars['ID']['input'];
}>;


export type NewAgentResultQuery = { operation: { id: string, error: { code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null } | null } | null, agent: { id: string, name: string, status: AgentStatus, phoneNumber: { id: string, number: string, friendlyName: string, monthlyCost: string } | null } | null };

export type NowCallFragment = { id: string, sid: string, from: string, to: string, status: CallStatus, outcome: CallOutcome, startedAt: string, endedAt: string | null, agent: { id: string, name: string } | null };

export type NowCallsQueryVariables = Exact<{ [key: string]: never; }>;


export type NowCallsQuery = { ringing: { nodes: Array<{ id: string, sid: string, from: string, to: string, status: CallStatus, outcome: CallOutcome, startedAt: string, endedAt: string | null, agent: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean } }, inProgress: { nodes: Array<{ id: string, sid: string, from: string, to: string, status: CallStatus, outcome: CallOutcome, startedAt: string, endedAt: string | null, agent: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean } } };

export type NowCallUpdatedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type NowCallUpdatedSubscription = { callUpdated: { id: string, sid: string, from: string, to: string, status: CallStatus, outcome: CallOutcome, startedAt: string, endedAt: string | null, agent: { id: string, name: string } | null } };

export type NowViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type NowViewerQuery = { viewer: { id: string, activeCalls: number, plan: { name: string }, limits: { concurrentCalls: number }, usage: { month: string, estimatedCost: { total: string, currency: string } } } };

export type NowStatisticsQueryVariables = Exact<{
  from: Scalars['DateTime']['input'];
  to: Scalars['DateTime']['input'];
  timeZone: Scalars['String']['input'];
}>;


export type NowStatisticsQuery = { callStatistics: Array<{ start: string, calls: number, answeredByAgent: number, fallback: number, busy: number, unavailable: number, rejected: number }> };

export type NowAttentionQueryVariables = Exact<{
  hourAgo: Scalars['DateTime']['input'];
}>;


export type NowAttentionQuery = { agents: { nodes: Array<{ id: string, name: string, status: AgentStatus, syncState: AgentSyncState, syncError: { message: string } | null, phoneNumber: { id: string } | null }>, pageInfo: { hasNextPage: boolean } }, inactive: { nodes: Array<{ id: string, number: string, agent: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean } }, recent: { nodes: Array<{ id: string, from: string, startedAt: string, outcome: CallOutcome, agent: { id: string, name: string } | null, phoneNumber: { id: string, status: PhoneNumberStatus, agent: { id: string } | null, callGroup: { id: string } | null } | null, decision: { reason: string, action: { kind: RoutingActionKind } | null } }>, pageInfo: { hasNextPage: boolean } } };

export type NowOperationFragment = { id: string, kind: OperationKind, createdAt: string, error: { message: string } | null, agent: { id: string, name: string, status: AgentStatus } | null, phoneNumber: { id: string, number: string, status: PhoneNumberStatus } | null };

export type NowOperationsQueryVariables = Exact<{ [key: string]: never; }>;


export type NowOperationsQuery = { failed: { nodes: Array<{ id: string, kind: OperationKind, createdAt: string, error: { message: string } | null, agent: { id: string, name: string, status: AgentStatus } | null, phoneNumber: { id: string, number: string, status: PhoneNumberStatus } | null }> }, succeeded: { nodes: Array<{ id: string, kind: OperationKind, createdAt: string, error: { message: string } | null, agent: { id: string, name: string, status: AgentStatus } | null, phoneNumber: { id: string, number: string, status: PhoneNumberStatus } | null }> } };

export type NowRepairMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NowRepairMutation = { repairPhoneNumber: { phoneNumber: { id: string, status: PhoneNumberStatus } | null, operation: { id: string, state: OperationState } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NowRepairingSubscriptionVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NowRepairingSubscription = { operationUpdated: { id: string, state: OperationState, error: { message: string } | null, phoneNumber: { id: string, status: PhoneNumberStatus } | null } };

export type NowTestNumbersQueryVariables = Exact<{ [key: string]: never; }>;


export type NowTestNumbersQuery = { phoneNumbers: { nodes: Array<{ id: string, number: string, label: string | null, agent: { id: string, name: string } | null }> } };

export type NowOriginsQueryVariables = Exact<{ [key: string]: never; }>;


export type NowOriginsQuery = { carrierAccounts: Array<{ id: string, accountSid: string, status: CarrierAccountStatus, detail: string | null }>, keptNumbers: { nodes: Array<{ id: string, number: string, state: KeptNumberState, detail: string | null }> }, callGroups: { nodes: Array<{ id: string, members: Array<{ agent: { id: string } }>, phoneNumbers: { nodes: Array<{ id: string }> } }> } };

export type NumberQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NumberQuery = { phoneNumber: { friendlyName: string, sid: string | null, provider: PhoneNumberProvider, messagingStatus: MessagingStatus, messagingStatusReason: string | null, id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, routingVersion: number, capabilities: { voice: boolean, sms: boolean, mms: boolean }, carrierAccount: { id: string, provider: PhoneNumberProvider, accountSid: string, kind: CarrierAccountKind, status: CarrierAccountStatus, apiKeySid: string | null, detail: string | null } | null, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null, routingRules: Array<{ name: string, condition: { days: Array<Weekday> | null, from: string | null, to: string | null, dates: Array<string> | null, timeZone: string | null, callers: Array<string> | null }, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } }> } | null };

export type NumberRulesFragment = { id: string, routingVersion: number, routingRules: Array<{ name: string, condition: { days: Array<Weekday> | null, from: string | null, to: string | null, dates: Array<string> | null, timeZone: string | null, callers: Array<string> | null }, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } }> };

export type NumberRuleFragment = { name: string, condition: { days: Array<Weekday> | null, from: string | null, to: string | null, dates: Array<string> | null, timeZone: string | null, callers: Array<string> | null }, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } };

export type NumberRulesNowQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NumberRulesNowQuery = { phoneNumber: { id: string, routingVersion: number, routingRules: Array<{ name: string, condition: { days: Array<Weekday> | null, from: string | null, to: string | null, dates: Array<string> | null, timeZone: string | null, callers: Array<string> | null }, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } }> } | null };

export type NumberSetRulesMutationVariables = Exact<{
  input: SetRoutingRulesInput;
}>;


export type NumberSetRulesMutation = { setRoutingRules: { phoneNumber: { id: string, routingVersion: number, routingRules: Array<{ name: string, condition: { days: Array<Weekday> | null, from: string | null, to: string | null, dates: Array<string> | null, timeZone: string | null, callers: Array<string> | null }, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } }> } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumberSimulateQueryVariables = Exact<{
  number: Scalars['E164']['input'];
  from?: InputMaybe<Scalars['String']['input']>;
  at?: InputMaybe<Scalars['DateTime']['input']>;
}>;


export type NumberSimulateQuery = { simulateCall: { outcome: CallOutcome, reason: string, ruleName: string | null, action: { kind: RoutingActionKind, forwardTo: string | null, ringSeconds: number | null, message: string | null } | null } | null };

export type NumberCallsQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NumberCallsQuery = { calls: { nodes: Array<{ id: string, from: string, startedAt: string, status: CallStatus, outcome: CallOutcome, durationSeconds: number | null, decision: { ruleName: string | null } }> } };

export type NumberCallUpdatedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type NumberCallUpdatedSubscription = { callUpdated: { id: string, phoneNumber: { id: string } | null } };

export type NumbersQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<PhoneNumberFilter>;
}>;


export type NumbersQuery = { phoneNumbers: { nodes: Array<{ id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type NumbersOneQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NumbersOneQuery = { phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null };

export type NumberRowFragment = { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null };

export type NumbersAgentsQueryVariables = Exact<{
  search?: InputMaybe<Scalars['String']['input']>;
}>;


export type NumbersAgentsQuery = { agents: { nodes: Array<{ id: string, name: string, status: AgentStatus, phoneNumbers: { nodes: Array<{ id: string, number: string }> } }>, pageInfo: { hasNextPage: boolean } } };

export type NumbersOneAgentQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NumbersOneAgentQuery = { agent: { id: string, name: string, status: AgentStatus, phoneNumbers: { nodes: Array<{ id: string, number: string }> } } | null };

export type NumbersAgentFragment = { id: string, name: string, status: AgentStatus, phoneNumbers: { nodes: Array<{ id: string, number: string }> } };

export type NumbersOnSaleQueryVariables = Exact<{
  country: Scalars['CountryCode']['input'];
  type: PhoneNumberType;
  areaCode?: InputMaybe<Scalars['String']['input']>;
  contains?: InputMaybe<Scalars['String']['input']>;
}>;


export type NumbersOnSaleQuery = { availablePhoneNumbers: Array<{ number: string, friendlyName: string, locality: string | null, region: string | null, monthlyCost: string }> };

export type NumbersBuyMutationVariables = Exact<{
  input: ProvisionPhoneNumberInput;
}>;


export type NumbersBuyMutation = { provisionPhoneNumber: { operation: { id: string, state: OperationState } | null, phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumbersAssignMutationVariables = Exact<{
  input: AssignPhoneNumberInput;
}>;


export type NumbersAssignMutation = { assignPhoneNumber: { phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumbersAssignedNowQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NumbersAssignedNowQuery = { phoneNumber: { id: string, agent: { id: string } | null, callGroup: { id: string } | null } | null };

export type NumbersMakePrimaryMutationVariables = Exact<{
  input: SetPrimaryPhoneNumberInput;
}>;


export type NumbersMakePrimaryMutation = { setPrimaryPhoneNumber: { phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumbersReleaseMutationVariables = Exact<{
  input: ReleasePhoneNumberInput;
}>;


export type NumbersReleaseMutation = { releasePhoneNumber: { operation: { id: string, state: OperationState } | null, phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumbersRestoreMutationVariables = Exact<{
  input: RestorePhoneNumberInput;
}>;


export type NumbersRestoreMutation = { restorePhoneNumber: { operation: { id: string, state: OperationState } | null, phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumbersCancelReleaseMutationVariables = Exact<{
  input: CancelReleaseInput;
}>;


export type NumbersCancelReleaseMutation = { cancelRelease: { phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type NumbersRepairMutationVariables = Exact<{
  input: RepairPhoneNumberInput;
}>;


export type NumbersRepairMutation = { repairPhoneNumber: { operation: { id: string, state: OperationState } | null, phoneNumber: { id: string, number: string, label: string | null, primary: boolean, status: PhoneNumberStatus, type: PhoneNumberType, countryCode: string, locality: string | null, region: string | null, monthlyCost: string, provisionedAt: string | null, releasedAt: string | null, origin: NumberOrigin, agent: { id: string, name: string } | null, callGroup: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type OperatorHealthQueryVariables = Exact<{ [key: string]: never; }>;


export type OperatorHealthQuery = { health: { status: HealthStatus, components: Array<{ name: string, status: HealthStatus, detail: string | null, since: string | null }> } };

export type OperatorUnreadableRowsQueryVariables = Exact<{ [key: string]: never; }>;


export type OperatorUnreadableRowsQuery = { unreadableRows: Array<{ table: string, rowId: string | null, column: string | null, firstMetAt: string, lastMetAt: string }> };

export type OperatorTenantsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<TenantFilter>;
}>;


export type OperatorTenantsQuery = { tenants: { nodes: Array<{ id: string, userId: string, activeCalls: number, agentCount: number, phoneNumberCount: number, createdAt: string, plan: { name: string }, limits: { concurrentCalls: number, phoneNumbers: number, dialCountries: Array<string> | null, dialPremiumNumbers: boolean } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type OperatorTenantFragment = { id: string, userId: string, activeCalls: number, agentCount: number, phoneNumberCount: number, createdAt: string, plan: { name: string }, limits: { concurrentCalls: number, phoneNumbers: number, dialCountries: Array<string> | null, dialPremiumNumbers: boolean } };

export type OperatorSetPlanMutationVariables = Exact<{
  input: SetTenantPlanInput;
}>;


export type OperatorSetPlanMutation = { setTenantPlan: { viewer: { id: string } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null }> } | null };

export type OperatorOperationsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<OperationFilter>;
}>;


export type OperatorOperationsQuery = { operations: { nodes: Array<{ id: string, kind: OperationKind, state: OperationState, step: string, attempts: number, createdAt: string, finishedAt: string | null, error: { code: UserErrorCode, message: string } | null, waitsFor: { code: UserErrorCode, message: string } | null, tenant: { id: string, userId: string, plan: { name: string } } | null }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type OperatorOperationFragment = { id: string, kind: OperationKind, state: OperationState, step: string, attempts: number, createdAt: string, finishedAt: string | null, error: { code: UserErrorCode, message: string } | null, waitsFor: { code: UserErrorCode, message: string } | null, tenant: { id: string, userId: string, plan: { name: string } } | null };

export type OperatorReconciliationQueryVariables = Exact<{ [key: string]: never; }>;


export type OperatorReconciliationQuery = { reconciliation: { startedAt: string, finishedAt: string | null, complete: boolean, incompleteReason: string | null, monthlyCostAtStake: string, differences: Array<{ kind: string, number: string | null, sid: string | null, detail: string, repair: string | null }> } | null };

export type ProgressStartQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type ProgressStartQuery = { operation: { id: string, kind: OperationKind, state: OperationState, step: string, attempts: number, phoneNumber: { id: string, number: string, friendlyName: string } | null, error: { code: UserErrorCode, message: string, suggestedAreaCodes: Array<string> | null } | null, waitsFor: { code: UserErrorCode, message: string } | null } | null };

export type ProgressUpdatedSubscriptionVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type ProgressUpdatedSubscription = { operationUpdated: { id: string, kind: OperationKind, state: OperationState, step: string, attempts: number, phoneNumber: { id: string, number: string, friendlyName: string } | null, error: { code: UserErrorCode, message: string, suggestedAreaCodes: Array<string> | null } | null, waitsFor: { code: UserErrorCode, message: string } | null } };

export type ProgressStartedQueryVariables = Exact<{
  filter: OperationFilter;
}>;


export type ProgressStartedQuery = { operations: { nodes: Array<{ id: string, state: OperationState, agent: { id: string, name: string } | null }> } };

export type ProgressOperationFragment = { id: string, kind: OperationKind, state: OperationState, step: string, attempts: number, phoneNumber: { id: string, number: string, friendlyName: string } | null, error: { code: UserErrorCode, message: string, suggestedAreaCodes: Array<string> | null } | null, waitsFor: { code: UserErrorCode, message: string } | null };

export type SessionQueryVariables = Exact<{ [key: string]: never; }>;


export type SessionQuery = { session: { role: SessionRole, tenantId: string | null, agentId: string | null, sandbox: boolean } };

export type MessagesWaitingQueryVariables = Exact<{ [key: string]: never; }>;


export type MessagesWaitingQuery = { messageThreads: { nodes: Array<{ id: string }>, pageInfo: { hasNextPage: boolean } } };

export type RefusedFragment = { code: UserErrorCode, message: string, field: Array<string> | null, suggestedAreaCodes: Array<string> | null };

export type TrailQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditEventFilter>;
}>;


export type TrailQuery = { auditEvents: { nodes: Array<{ id: string, at: string, actor: string, action: string, subject: string | null, outcome: string, requestId: string }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type TrailSubjectsQueryVariables = Exact<{
  ids: Array<Scalars['ID']['input']> | Scalars['ID']['input'];
}>;


export type TrailSubjectsQuery = { nodes: Array<{ __typename: 'Agent', name: string, id: string } | { __typename: 'AuditEvent', id: string } | { __typename: 'Call', id: string } | { __typename: 'CallGroup', name: string, id: string } | { __typename: 'CarrierAccount', accountSid: string, id: string } | { __typename: 'KeptNumber', number: string, id: string } | { __typename: 'Message', id: string } | { __typename: 'MessageThread', id: string } | { __typename: 'Operation', id: string } | { __typename: 'PhoneNumber', number: string, id: string } | { __typename: 'Tenant', id: string } | { __typename: 'Viewer', id: string } | null> };

export type UsageQueryVariables = Exact<{
  month?: InputMaybe<Scalars['String']['input']>;
}>;


export type UsageQuery = { viewer: { id: string, plan: { name: string }, usage: { month: string, calls: number, minutes: string, messages: number, messageSegments: number, phoneNumbers: number, estimatedCost: { calls: string, phoneNumbers: string, messages: string, total: string, currency: string }, byDay: Array<{ date: string, calls: number, minutes: string, messages: number, messageSegments: number, estimatedCost: { calls: string, phoneNumbers: string, messages: string, total: string, currency: string } }>, byAgent: Array<{ agentId: string, calls: number, minutes: string, estimatedCost: string, agent: { id: string, name: string } | null }> }, prices: Array<{ countryCode: string, type: PhoneNumberType, month: string, minute: string, currency: string }> } };

export type UsageBeforeQueryVariables = Exact<{
  month: Scalars['String']['input'];
}>;


export type UsageBeforeQuery = { viewer: { id: string, usage: { month: string, calls: number, minutes: string, estimatedCost: { total: string, currency: string } } } };

