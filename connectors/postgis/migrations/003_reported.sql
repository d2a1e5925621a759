-- When the first report came in, where it is told apart from when it happened: the golden time counts from it.
ALTER TABLE goldentime.decisions ADD COLUMN reported_at timestamptz;
COMMENT ON COLUMN goldentime.decisions.reported_at IS 'When the first report came in, if another time than occurred_at.';

-- The same views, with the new column at their end.
CREATE OR REPLACE VIEW goldentime.centre WITH (security_barrier) AS
SELECT c.case_id, c.opened_us, d.case_no, d.version, d.event_id, d.status, d.reason, d.exercise, d.services, d.kind,
       d.rank, d.occurred_at, d.opened_at, d.decided_at, d.valid_from, d.valid_until, d.purpose, d.legal_basis,
       d.recipients, d.agencies, d.masking_required, d.district, d.place, d.accuracy_m, d.search_radius_m,
       d.heading_deg, d.speed_mps, d.p_view, d.camera_count, d.shows_target, d.hands_over, d.added, d.kept,
       d.released, d.assumptions, d.policy_version, d.camera_table_version, d.forgotten_at,
       (SELECT coalesce(jsonb_agg(to_jsonb(k) - 'case_no' - 'version' ORDER BY k.rank), '[]')
          FROM goldentime.decision_cameras k
         WHERE (k.case_no, k.version) = (d.case_no, d.version)) AS cameras,
       d.reported_at
  FROM goldentime.decisions d JOIN goldentime.cases c USING (case_no);

CREATE OR REPLACE VIEW goldentime.analysis WITH (security_barrier) AS
SELECT d.case_no, d.version, d.status, d.reason, d.exercise, d.services, d.kind, d.rank, d.district, d.occurred_at,
       d.opened_at, d.decided_at, d.camera_count, d.shows_target, d.hands_over, d.p_view, d.policy_version,
       d.reported_at
  FROM goldentime.decisions d;
