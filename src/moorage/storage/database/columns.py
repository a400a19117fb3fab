"""What every table of the schema is made with: names of constraints, and the types of ids, times and sizes."""

from sqlalchemy import BigInteger, Integer, MetaData

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
