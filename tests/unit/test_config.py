"""Settings: where they come from, which wins, and what is said of a bad one."""

import ipaddress
from pathlib import Path

import pytest

from moorage.config import SETTINGS, ConfigError, Options, aws_variables, load
from moorage.core.parsing import parse_duration


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(flags: dict[str, str] | None = None, environ: dict[str, str] | None = None, config: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags or {}, environ or {}, config)
    return str(caught.value)


def test_without_anything_the_documented_defaults_hold(elsewhere: Path) -> None:
    options = load({}, {}).options
    assert options == Options()
    assert options.data_dir == elsewhere / "moorage-data"
    assert options.key_path == elsewhere / "moorage-data" / "secret.key"
    assert (options.listen.host, options.listen.port, options.port) == ("127.0.0.1", None, 5000)
    assert (options.identity.account_id, options.identity.region) == ("123456789012", "us-east-1")
    assert (options.keeping.retention, options.keeping.grace, options.keeping.upload_expiry) == (
        604_800_000,
        86_400_000,
        604_800_000,
    )
    assert options.listen.shutdown_timeout == 30_000
    assert options.listen.workers >= 1
    assert (options.endpoint, options.registry_address) == ("http://localhost:5000", "localhost:5000")


def test_a_flag_wins_over_the_variable_and_the_variable_over_the_file(elsewhere: Path) -> None:
    (elsewhere / "moorage.toml").write_text('region = "eu-west-1"\nport = 6000\nretention = "1d"\n')
    environ = {"MOORAGE_REGION": "eu-west-2", "MOORAGE_PORT": "6001"}
    options = load({"region": "eu-west-3"}, environ).options
    assert (options.identity.region, options.listen.port, options.keeping.retention) == ("eu-west-3", 6001, 86_400_000)


def test_the_file_may_be_named_by_the_flag_or_the_variable(elsewhere: Path) -> None:
    (elsewhere / "one.toml").write_text("port = 1\n")
    (elsewhere / "two.toml").write_text("port = 2\n")
    assert load({}, {"MOORAGE_CONFIG": "one.toml"}).options.listen.port == 1
    assert load({}, {"MOORAGE_CONFIG": "one.toml"}, "two.toml").options.listen.port == 2


def test_the_file_takes_truth_values_numbers_and_lists(elsewhere: Path) -> None:
    (elsewhere / "moorage.toml").write_text(
        'sparse_indexes = true\nworkers = 3\ntrusted_proxies = ["10.0.0.0/8", "::1"]\nretention = 0\n'
    )
    options = load({}, {}).options
    assert options.keeping.sparse_indexes
    assert (options.listen.workers, options.keeping.retention) == (3, 0)
    assert options.listen.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({}, {"MOORAGE_DOMAIN": "", "MOORAGE_PORT": ""}).options == Options()


def test_the_environment_of_the_process_is_read_when_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_PORT", "6123")
    assert load({}).options.listen.port == 6123


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("7d", 604_800_000), ("24h", 86_400_000), ("90m", 5_400_000), ("30s", 30_000), ("500ms", 500), ("0", 0), ("0s", 0)],
)
def test_durations_are_kept_as_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "7", "7 d", "-1s", "1.5h", "1w", "999999999d", "1d12h", "٣d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("MOORAGE_PORT", "70000", "must be a whole number from 0 to 65535"),
        ("MOORAGE_PORT", "tcp://10.0.0.1:5000", "enableServiceLinks: false"),
        ("MOORAGE_PORT", "9" * 5000, "must be a whole number"),
        ("MOORAGE_WORKERS", "0", "must be a whole number from 1 to 1024"),
        ("MOORAGE_MAX_UPLOADS", "-1", "must be a whole number"),
        ("MOORAGE_ACCOUNT_ID", "12345", "must be twelve digits"),
        ("MOORAGE_REGION", "US EAST", "must be a region such as us-east-1"),
        ("MOORAGE_ADDRESS", "http://localhost:5000", "must be a host or host:port, without a scheme"),
        ("MOORAGE_ADDRESS", "localhost:70000", "must be a host or host:port"),
        ("MOORAGE_DOMAIN", "example.com/path", "must be a host or host:port"),
        ("MOORAGE_RETENTION", "week", "must be a duration"),
        ("MOORAGE_SPARSE_INDEXES", "maybe", "must be true or false"),
        ("MOORAGE_CONNECTION", "quick", "must be one of fast, plain"),
        ("MOORAGE_LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("MOORAGE_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "must be a comma-separated list of addresses or networks"),
    ],
)
def test_a_bad_value_is_one_sentence_with_the_setting_and_its_origin(variable: str, value: str, wanted: str) -> None:
    sentence = refusal(environ={variable: value})
    assert sentence.startswith(f"{variable} (from the variable {variable}) must be ")
    assert wanted in sentence
    assert sentence.endswith(f", not {value!r}.")
    assert "\n" not in sentence


def test_the_sentence_names_the_flag_or_the_file_that_a_value_came_from(elsewhere: Path) -> None:
    assert "MOORAGE_PORT (from the flag --port)" in refusal({"port": "x"})
    (elsewhere / "moorage.toml").write_text('port = "x"\n')
    assert "MOORAGE_PORT (from the key port in moorage.toml)" in refusal()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("MOORAGE_ROOT_ACCESS_KEY_ID", "MOORAGE_ROOT_SECRET_ACCESS_KEY"),
        ("MOORAGE_ROOT_SECRET_ACCESS_KEY", "MOORAGE_ROOT_ACCESS_KEY_ID"),
        ("MOORAGE_TLS_CERT", "MOORAGE_TLS_KEY"),
        ("MOORAGE_TLS_KEY", "MOORAGE_TLS_CERT"),
    ],
)
def test_half_of_a_pair_is_refused(given: str, missing: str) -> None:
    assert refusal(environ={given: "x"}) == f"{given} (from the variable {given}) needs {missing} too: set both or neither."


def test_certificates_and_keys_are_lists(tmp_path: Path) -> None:
    given = {"MOORAGE_TLS_CERT": "/a.pem, /b.pem", "MOORAGE_TLS_KEY": "/a.key,/b.key,"}
    listen = load({}, given).options.listen
    assert (listen.tls_cert, listen.tls_key) == ((Path("/a.pem"), Path("/b.pem")), (Path("/a.key"), Path("/b.key")))
    (tmp_path / "tls.toml").write_text('tls_cert = ["/a.pem", "/b.pem"]\ntls_key = ["/a.key", "/b.key"]\n')
    assert load({}, {}, str(tmp_path / "tls.toml")).options.listen == listen


def test_a_secret_shows_neither_in_the_options_nor_in_a_refusal() -> None:
    pair = {"MOORAGE_ROOT_ACCESS_KEY_ID": "AKIAEXAMPLE", "MOORAGE_ROOT_SECRET_ACCESS_KEY": "hunter2"}
    loaded = load({}, pair)
    assert loaded.options.identity.root_secret_access_key == "hunter2"
    assert "hunter2" not in repr(loaded)
    assert "hunter two" not in refusal(environ={**pair, "MOORAGE_ROOT_SECRET_ACCESS_KEY": "hunter two"})


def test_a_secret_has_no_flag() -> None:
    assert [setting.name for setting in SETTINGS if setting.flag is None] == ["root_access_key_id", "root_secret_access_key"]


def test_an_unknown_key_in_the_file_is_refused_with_the_nearest_one(elsewhere: Path) -> None:
    (elsewhere / "moorage.toml").write_text("retentoin = '1d'\n")
    sentence = "The configuration file moorage.toml has an unknown key 'retentoin'; the nearest is retention."
    assert refusal() == sentence


def test_an_unknown_variable_is_a_warning_with_the_nearest_one() -> None:
    warnings = load({}, {"MOORAGE_DATADIR": "/x", "MOORAGE_DATA_DIR": "/y", "PATH": "/bin"}).warnings
    assert warnings == ("The variable MOORAGE_DATADIR is not a setting of Moorage; the nearest is MOORAGE_DATA_DIR.",)


def test_a_file_that_is_named_must_exist_and_be_toml(elsewhere: Path) -> None:
    assert refusal(config="none.toml") == "The configuration file none.toml does not exist."
    (elsewhere / "bad.toml").write_text("port =")
    assert refusal(config="bad.toml").startswith("The configuration file bad.toml is not valid TOML: ")
    assert refusal(config=str(elsewhere)).endswith("cannot be read: Is a directory.")
    (elsewhere / "table.toml").write_text("port = 1.5\n")
    assert "The key port in table.toml must be a string, a whole number" in refusal(config="table.toml")


def test_the_addresses_follow_the_port_the_domain_and_tls() -> None:
    options = load({}, {}).options.listening_on(5002)
    assert (options.endpoint, options.registry_address) == ("http://localhost:5002", "localhost:5002")
    named = load({}, {"MOORAGE_DOMAIN": "Example.com:8443", "MOORAGE_TLS_CERT": "c", "MOORAGE_TLS_KEY": "k"}).options
    assert named.endpoint == "https://api.ecr.us-east-1.example.com:8443"
    assert named.registry_address == "123456789012.dkr.ecr.us-east-1.example.com:8443"
    assert load({}, {"MOORAGE_ADDRESS": "[::1]:5000"}).options.endpoint == "http://[::1]:5000"


def test_every_setting_is_declared_once_and_explained() -> None:
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names)) == 25
    assert all(setting.help and setting.default and setting.group for setting in SETTINGS)
    assert {setting.variable for setting in SETTINGS} >= {"MOORAGE_DATA_DIR", "MOORAGE_SHUTDOWN_TIMEOUT"}


def test_the_variables_of_the_aws_tools_are_read_here_too() -> None:
    assert aws_variables({"AWS_REGION": "x", "AWS_PROFILE": "", "HOME": "/"}) == {"AWS_REGION": "x"}
