-- Cases, the versions decided for them, and the cameras of each version. Times are UTC; places are WGS 84.
CREATE EXTENSION IF NOT EXISTS postgis;

CREATE TABLE goldentime.cases (
    case_no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id   text   NOT NULL,
    opened_us bigint NOT NULL,
    UNIQUE (case_id, opened_us)
);
COMMENT ON TABLE goldentime.cases IS 'One opening of a case; case_no says nothing of the case and is what analysis sees.';

CREATE TABLE goldentime.decisions (
    case_no          bigint  NOT NULL REFERENCES goldentime.cases ON DELETE CASCADE,
    version          integer NOT NULL,
    event_id         text    NOT NULL,
    status           text    NOT NULL,
    reason           text    NOT NULL,
    exercise         boolean NOT NULL,
    services         text[]  NOT NULL,
    kind             text    NOT NULL,
    rank             integer NOT NULL,
    occurred_at      timestamptz,
    opened_at        timestamptz,
    decided_at       timestamptz,
    valid_from       timestamptz,
    valid_until      timestamptz,
    purpose          text,
    legal_basis      text,
    recipients       text[]  NOT NULL,
    agencies         text[]  NOT NULL,
    masking_required boolean NOT NULL,
    district         text,
    place            geometry(Point, 4326),
    accuracy_m       double precision,
    search_radius_m  double precision,
    heading_deg      double precision,
    speed_mps        double precision,
    p_view           double precision,
    camera_count     integer NOT NULL,
    shows_target     boolean NOT NULL,
    hands_over       boolean NOT NULL,
    added            text[]  NOT NULL,
    kept             text[]  NOT NULL,
    released         text[]  NOT NULL,
    assumptions      text[]  NOT NULL,
    policy_version   text    NOT NULL,
    camera_table_version text NOT NULL,
    forgotten_at     timestamptz,
    PRIMARY KEY (case_no, version)
);
COMMENT ON COLUMN goldentime.decisions.agencies IS 'Agencies among the recipients, without their roles.';
COMMENT ON COLUMN goldentime.decisions.camera_count IS 'Cameras to look through, without those whose view ends.';
COMMENT ON COLUMN goldentime.decisions.shows_target IS 'Whether a camera shows what the case is about.';
COMMENT ON COLUMN goldentime.decisions.hands_over IS 'Whether a camera replaced another in this version.';
COMMENT ON COLUMN goldentime.decisions.forgotten_at IS 'When the case was forgotten and its places were deleted.';
CREATE INDEX decisions_place ON goldentime.decisions USING gist (place);
CREATE INDEX decisions_decided_at ON goldentime.decisions (decided_at);

CREATE TABLE goldentime.decision_cameras (
    case_no     bigint  NOT NULL,
    version     integer NOT NULL,
    camera_id   text    NOT NULL,
    site_id     text    NOT NULL,
    owner       text    NOT NULL,
    role        text    NOT NULL,
    rank        integer NOT NULL,
    level       text    NOT NULL,
    p_view      double precision NOT NULL,
    ptz         text    NOT NULL,
    since       timestamptz,
    until       timestamptz,
    distance_m  double precision,
    bearing_deg double precision,
    pan_deg     double precision,
    tilt_deg    double precision,
    zoom        double precision,
    aim         geometry(Point, 4326),
    PRIMARY KEY (case_no, version, camera_id),
    FOREIGN KEY (case_no, version) REFERENCES goldentime.decisions ON DELETE CASCADE
);
CREATE INDEX decision_cameras_camera ON goldentime.decision_cameras (camera_id);

CREATE TABLE goldentime.role_agencies (
    role   text NOT NULL,
    agency text NOT NULL,
    PRIMARY KEY (role, agency)
);
COMMENT ON TABLE goldentime.role_agencies IS 'Whose assignments a role''s view shows; the sink writes it from its options.';
