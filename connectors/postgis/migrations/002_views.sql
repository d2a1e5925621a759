-- One view per role, and the role that may read it. A person gets a role by: GRANT goldentime_police TO <login>;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['centre', 'police', 'fire', 'disaster', 'analysis'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'goldentime_' || name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'goldentime_' || name);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA goldentime TO %I', 'goldentime_' || name);
    END LOOP;
END
$$;

-- The centre answers for all of it and sees all of it, every version.
CREATE VIEW goldentime.centre WITH (security_barrier) AS
SELECT c.case_id, c.opened_us, d.*,
       (SELECT coalesce(jsonb_agg(to_jsonb(k) - 'case_no' - 'version' ORDER BY k.rank), '[]')
          FROM goldentime.decision_cameras k
         WHERE (k.case_no, k.version) = (d.case_no, d.version)) AS cameras
  FROM goldentime.decisions d JOIN goldentime.cases c USING (case_no);

-- What an agency may look at now: the newest version of the cases addressed to it, while its lease holds. No drills.
CREATE VIEW goldentime.present WITH (security_barrier) AS
SELECT d.case_no, d.agencies, c.case_id, d.version, d.status, d.reason, d.services, d.kind, d.rank, d.occurred_at,
       d.decided_at, d.valid_until, d.purpose, d.legal_basis, d.masking_required, d.district, d.place, d.accuracy_m,
       d.search_radius_m, d.heading_deg, d.speed_mps, d.p_view
  FROM goldentime.decisions d JOIN goldentime.cases c USING (case_no)
 WHERE NOT d.exercise
   AND d.valid_until > now()
   AND d.status NOT IN ('released', 'denied')
   AND NOT EXISTS (
        SELECT FROM goldentime.decisions n JOIN goldentime.cases o USING (case_no)
         WHERE o.case_id = c.case_id AND (o.opened_us, n.version) > (c.opened_us, d.version));

CREATE VIEW goldentime.police WITH (security_barrier) AS
SELECT p.case_id, p.version, p.status, p.reason, p.services, p.kind, p.rank, p.occurred_at, p.decided_at,
       p.valid_until, p.purpose, p.legal_basis, p.masking_required, p.district, p.place, p.accuracy_m,
       p.search_radius_m, p.heading_deg, p.speed_mps, p.p_view,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'camera_id', k.camera_id, 'site_id', k.site_id, 'owner', k.owner, 'role', k.role, 'rank', k.rank,
                'level', k.level, 'ptz', k.ptz, 'until', k.until, 'distance_m', k.distance_m,
                'bearing_deg', k.bearing_deg, 'pan_deg', k.pan_deg, 'tilt_deg', k.tilt_deg, 'zoom', k.zoom)
                ORDER BY k.rank), '[]')
          FROM goldentime.decision_cameras k WHERE (k.case_no, k.version) = (p.case_no, p.version)) AS cameras
  FROM goldentime.present p
 WHERE EXISTS (SELECT FROM goldentime.role_agencies a WHERE a.role = 'police' AND a.agency = ANY (p.agencies));

CREATE VIEW goldentime.fire WITH (security_barrier) AS
SELECT p.case_id, p.version, p.status, p.reason, p.services, p.kind, p.rank, p.occurred_at, p.decided_at,
       p.valid_until, p.purpose, p.legal_basis, p.masking_required, p.district, p.place, p.accuracy_m,
       p.search_radius_m, p.heading_deg, p.speed_mps, p.p_view,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'camera_id', k.camera_id, 'site_id', k.site_id, 'owner', k.owner, 'role', k.role, 'rank', k.rank,
                'level', k.level, 'ptz', k.ptz, 'until', k.until, 'distance_m', k.distance_m,
                'bearing_deg', k.bearing_deg, 'pan_deg', k.pan_deg, 'tilt_deg', k.tilt_deg, 'zoom', k.zoom)
                ORDER BY k.rank), '[]')
          FROM goldentime.decision_cameras k WHERE (k.case_no, k.version) = (p.case_no, p.version)) AS cameras
  FROM goldentime.present p
 WHERE EXISTS (SELECT FROM goldentime.role_agencies a WHERE a.role = 'fire' AND a.agency = ANY (p.agencies));

-- A disaster room watches areas; where heads are turned to it need not know.
CREATE VIEW goldentime.disaster WITH (security_barrier) AS
SELECT p.case_id, p.version, p.status, p.reason, p.services, p.kind, p.rank, p.occurred_at, p.decided_at,
       p.valid_until, p.purpose, p.legal_basis, p.masking_required, p.district, p.place, p.accuracy_m,
       p.search_radius_m, p.p_view,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'camera_id', k.camera_id, 'site_id', k.site_id, 'owner', k.owner, 'role', k.role, 'rank', k.rank,
                'level', k.level, 'until', k.until) ORDER BY k.rank), '[]')
          FROM goldentime.decision_cameras k WHERE (k.case_no, k.version) = (p.case_no, p.version)) AS cameras
  FROM goldentime.present p
 WHERE EXISTS (SELECT FROM goldentime.role_agencies a WHERE a.role = 'disaster' AND a.agency = ANY (p.agencies));

-- For figures: no id of a case, a person or a camera, and no place but the district.
CREATE VIEW goldentime.analysis WITH (security_barrier) AS
SELECT d.case_no, d.version, d.status, d.reason, d.exercise, d.services, d.kind, d.rank, d.district, d.occurred_at,
       d.opened_at, d.decided_at, d.camera_count, d.shows_target, d.hands_over, d.p_view, d.policy_version
  FROM goldentime.decisions d;

GRANT SELECT ON goldentime.centre TO goldentime_centre;
GRANT SELECT ON goldentime.police TO goldentime_police;
GRANT SELECT ON goldentime.fire TO goldentime_fire;
GRANT SELECT ON goldentime.disaster TO goldentime_disaster;
GRANT SELECT ON goldentime.analysis TO goldentime_analysis;
