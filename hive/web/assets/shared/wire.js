// @ts-check
/**
 * The JSON shapes both pages read, as hive/wire has them. Types only.
 *
 * @typedef {{kind: string, seq: number, [field: string]: any}} Frame
 * @typedef {{
 *   code: string, word: string, level: string, sentence: string, since: string | null,
 *   until: string | null, by: string | null, mend: string | null
 * }} Reason
 * @typedef {{label: string, url: string}} AgentLink
 * @typedef {{
 *   name: string, container: string, is_manager: boolean, running: boolean, failed: boolean,
 *   needs_login: boolean, needs_update: boolean, rate_limited: boolean, paused: boolean,
 *   pending_reminders: number, unread: number, turn_state: string, transient: string | null,
 *   transient_since: number | null, active_model: string | null, status_text: string | null,
 *   status_set_at: number | null, parent: string | null, deployed_sha: string | null,
 *   deployed_tag: string | null, note: string | null, ctx_tokens: number | null, isolation: string,
 *   limits_met: string[],
 *   network: string, denied: number, why: Reason | null, icon?: string, links?: AgentLink[]
 * }} ContainerRow
 * @typedef {{
 *   id: number, from: string, to: string, body: string, in_reply_to: number | null,
 *   sent_at: number, delivered_at: number | null, acked_at: number | null,
 *   broadcast?: boolean, origin?: string, via?: string[]
 * }} MessageRow
 * @typedef {{
 *   id: number, agent: string, kind: string, commit_ref: string, requested_at: number,
 *   status: string, fetched_sha: string | null, resolved_at: number | null,
 *   note: string | null, description: string | null, resolved_by: string | null, comments: number
 * }} Approval
 * @typedef {{
 *   id: number, approval_id: number, path: string, side: string, line: number, quote: string,
 *   text: string, base_ref: string, base_sha: string | null, at: number, sent_at: number | null
 * }} Comment
 * @typedef {{
 *   id: number, asker: string, target: string | null, question: string, options: string[],
 *   multi: boolean, asked_at: number, deadline_at: number | null,
 *   answered_at?: number | null, answer?: string | null, answerer?: string | null,
 *   how?: string | null
 * }} Question
 * @typedef {{
 *   id: number, agent: string, message: string, file_path: string | null, due_at: number,
 *   created_at: number, attempt_count: number, last_error: string | null
 * }} Reminder
 * @typedef {{name: string, size_bytes: number, modified_at: number, has_login: boolean}} Tombstone
 * @typedef {{
 *   name: string, state: string, since: number, restarts: number, last_error: string | null
 * }} TaskRow
 * @typedef {{
 *   id: number, kind: string, agent: string | null, state: string, requested_by: string,
 *   created_at: number, args: Record<string, string>, started_at: number | null,
 *   ended_at: number | null, step: string | null, note: string | null,
 *   approval_id: number | null, parent_id: number | null, attempts: number
 * }} Job
 * @typedef {{name: string, rev: string, locked_at: number | null, is_stale: boolean, source?: string}} MetaInput
 * @typedef {{url: string | null, trouble: string | null}} Forge
 * @typedef {{path: string, added: number | null, removed: number | null}} FileStat
 * @typedef {{
 *   base_ref: string, base_sha: string | null, sha: string, text: string,
 *   is_truncated: boolean, files: FileStat[],
 *   moved?: {old: string, new: string, likeness: number}[]
 * }} Diff
 * @typedef {{
 *   n: number, hash: string, entry: {
 *     at: number, actor: string, surface: string, action: string, subject: string,
 *     outcome: string, detail: Record<string, string | number | boolean | null>
 *   }
 * }} AuditRow
 * @typedef {{
 *   host: string, port: number, verdict: string, count: number, sent: number, received: number,
 *   first_at: number, last_at: number, why: string | null
 * }} Reached
 * @typedef {{
 *   name: string, mode: string, account: string, allowed: string[], always: string[],
 *   reached: Reached[], connections: object[]
 * }} Network
 * @typedef {{kind?: string, level: string, message: string, about?: string[]}} Notice
 * @typedef {{
 *   kind: string, id: number, text: string, age_seconds: number, asker?: string | null,
 *   target?: string | null, owner?: string | null, due_at?: number | null, options?: string[]
 * }} LooseEnd
 * @typedef {{
 *   input_tokens: number, output_tokens: number, cache_read_input_tokens: number,
 *   cache_creation_input_tokens: number
 * }} TokenUsage
 * @typedef {{
 *   seq: number, version: string, demo: boolean, isolation: string, notices: Notice[],
 *   containers: ContainerRow[], approvals: Approval[], approval_history: Approval[],
 *   questions: Question[], question_history: Question[], reminders: Reminder[],
 *   tombstones: Tombstone[], inbox: MessageRow[], tasks: TaskRow[], jobs: Job[],
 *   meta_inputs: MetaInput[], forge: Forge
 * }} DashboardState
 * @typedef {{
 *   label: string, role: string, demo: boolean, status: string, seq: number, trouble?: string | null,
 *   turn_state: string, turn_state_since: number, model: string | null,
 *   ctx_usage: TokenUsage | null, cost_usage: TokenUsage | null, last_turn_ms: number | null,
 *   session_id: string | null, inbox: MessageRow[], notices?: Notice[], version: string,
 *   context_window: number | null, cost_usd: number | null, models: string[], screen?: boolean,
 *   partial?: {block: string, part: number, what: string, text: string, name: string | null, since: number} | null
 *   login?: {output: string, url: string | null, finished: boolean, exit_note: string | null} | null,
 * }} AgentState
 */
export {};
