"""What every table is made with: names of constraints, types of ids, times and sizes, and what a row belongs to.

Times are milliseconds since the epoch, sizes bytes. What may be referred to has an enforced foreign key, what must be
unique has an index, so that no code path can break either.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives only INTEGER PRIMARY KEY an automatic id; AUTOINCREMENT keeps ids from being used twice, so that a cache
# that knows a repository by id can never mistake a later one for it.
Id = BigInteger().with_variant(Integer, "sqlite")
Time = BigInteger().with_variant(Integer, "sqlite")
Size = BigInteger().with_variant(Integer, "sqlite")


def of_registry(*, primary_key: bool = False) -> Column[int]:
    """The registry that a row belongs to, and goes with."""
    reference = ForeignKey("registries.id", ondelete="CASCADE")
    return Column("registry_id", Id, reference, nullable=False, primary_key=primary_key)


def of_repository(*, primary_key: bool = False, index: bool = False) -> Column[int]:
    """The repository that a row belongs to, and goes with."""
    reference = ForeignKey("repositories.id", ondelete="CASCADE")
    return Column("repository_id", Id, reference, nullable=False, primary_key=primary_key, index=index)
