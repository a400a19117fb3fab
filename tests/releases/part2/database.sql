BEGIN TRANSACTION;
CREATE TABLE access_keys (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	principal_arn TEXT NOT NULL, 
	principal_kind TEXT NOT NULL, 
	sealed_secret BLOB NOT NULL, 
	active BOOLEAN DEFAULT 1 NOT NULL, 
	created_at INTEGER NOT NULL, 
	CONSTRAINT pk_access_keys PRIMARY KEY (id), 
	CONSTRAINT fk_access_keys_account_id FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
INSERT INTO "access_keys" VALUES('AKIAMOORAGETESTROOT1','123456789012','arn:aws:iam::123456789012:root','Root',X'DCE884B9E9BC22819A66E4D07E5DD9C54BD9127861076A6D1A202E4FF5E82511A508B47031A1D32A95C63CF069DB763FEF04B710020FEAFF94D04E2642BB64E1101D6B97',1,1795730606992);
INSERT INTO "access_keys" VALUES('AKIAYBJR2I4B6E3PQMDL','222233334444','arn:aws:iam::222233334444:root','Root',X'6709F52D9BCB1E463E2F7B749D1BB8A57DBECB8D52F5CBD5F90D1DBEB40FB0CA456346A9C77D6153947A9B7E6A0D56FDB254B8F42D796224F6054249B2AFFF83B90AFDCA',1,1795730608326);
CREATE TABLE account_settings (
	registry_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_account_settings PRIMARY KEY (registry_id, name), 
	CONSTRAINT fk_account_settings_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id) ON DELETE CASCADE
);
CREATE TABLE accounts (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	permission_version INTEGER DEFAULT '0' NOT NULL, 
	created_at INTEGER NOT NULL, 
	CONSTRAINT pk_accounts PRIMARY KEY (id)
);
INSERT INTO "accounts" VALUES('123456789012','default',0,1795730606992);
INSERT INTO "accounts" VALUES('222233334444','other',0,1795730608326);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE audit (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at INTEGER NOT NULL, 
	request_id TEXT NOT NULL, 
	event_source TEXT NOT NULL, 
	event_name TEXT NOT NULL, 
	protocol TEXT NOT NULL, 
	account_id TEXT, 
	principal_arn TEXT, 
	access_key_id TEXT, 
	region TEXT, 
	resource TEXT, 
	source_address TEXT, 
	user_agent TEXT, 
	read_only BOOLEAN NOT NULL, 
	error_code TEXT, 
	parameters TEXT, 
	count INTEGER DEFAULT '1' NOT NULL
);
INSERT INTO "audit" VALUES(1,1795730607200,'fff29ffe-c37d-4f7f-a611-000000000001','ecr.amazonaws.com','CreateRepository','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(2,1795730607215,'fff29ffe-c37d-4f7f-a611-000000000002','ecr.amazonaws.com','CreateRepository','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(3,1795730607221,'fff29ffe-c37d-4f7f-a611-000000000003','ecr.amazonaws.com','GetAuthorizationToken','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(4,1795730607224,'fff29ffe-c37d-4f7f-a611-000000000004','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(5,1795730607240,'fff29ffe-c37d-4f7f-a611-000000000005','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(6,1795730607249,'fff29ffe-c37d-4f7f-a611-000000000006','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(7,1795730607266,'fff29ffe-c37d-4f7f-a611-000000000007','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(8,1795730607270,'fff29ffe-c37d-4f7f-a611-000000000008','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(9,1795730607277,'fff29ffe-c37d-4f7f-a611-000000000009','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(10,1795730607284,'fff29ffe-c37d-4f7f-a611-00000000000a','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(11,1795730607292,'fff29ffe-c37d-4f7f-a611-00000000000b','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(12,1795730607297,'fff29ffe-c37d-4f7f-a611-00000000000c','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(13,1795730607303,'fff29ffe-c37d-4f7f-a611-00000000000d','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(14,1795730607311,'fff29ffe-c37d-4f7f-a611-00000000000e','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(15,1795730607316,'fff29ffe-c37d-4f7f-a611-00000000000f','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(16,1795730607322,'fff29ffe-c37d-4f7f-a611-000000000010','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(17,1795730607330,'fff29ffe-c37d-4f7f-a611-000000000011','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(18,1795730607336,'fff29ffe-c37d-4f7f-a611-000000000012','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(19,1795730607343,'fff29ffe-c37d-4f7f-a611-000000000013','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(20,1795730607349,'fff29ffe-c37d-4f7f-a611-000000000014','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(21,1795730607356,'fff29ffe-c37d-4f7f-a611-000000000015','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(22,1795730607362,'fff29ffe-c37d-4f7f-a611-000000000016','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(23,1795730607366,'fff29ffe-c37d-4f7f-a611-000000000017','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(24,1795730607372,'fff29ffe-c37d-4f7f-a611-000000000018','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(25,1795730607379,'fff29ffe-c37d-4f7f-a611-000000000019','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(26,1795730607384,'fff29ffe-c37d-4f7f-a611-00000000001a','ecr.amazonaws.com','InitiateLayerUpload','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(27,1795730607391,'fff29ffe-c37d-4f7f-a611-00000000001b','ecr.amazonaws.com','PutImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(28,1795730607399,'fff29ffe-c37d-4f7f-a611-00000000001c','ecr.amazonaws.com','BatchDeleteImage','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(29,1795730607408,'fff29ffe-c37d-4f7f-a611-00000000001d','ecr.amazonaws.com','InitiateLayerUpload','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(30,1795730607413,'fff29ffe-c37d-4f7f-a611-00000000001e','ecr.amazonaws.com','UploadLayerPart','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(31,1795730607420,'fff29ffe-c37d-4f7f-a611-00000000001f','ecr.amazonaws.com','CompleteLayerUpload','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(32,1795730607425,'fff29ffe-c37d-4f7f-a611-000000000020','ecr.amazonaws.com','GetAuthorizationToken','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(33,1795730607428,'fff29ffe-c37d-4f7f-a611-000000000021','ecr.amazonaws.com','InitiateLayerUpload','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(34,1795730607431,'fff29ffe-c37d-4f7f-a611-000000000022','ecr.amazonaws.com','UploadLayerPart','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(35,1795730607434,'fff29ffe-c37d-4f7f-a611-000000000023','ecr.amazonaws.com','BatchGetImage','oci','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','python-requests/2.34.2',1,NULL,NULL,1);
INSERT INTO "audit" VALUES(36,1795730607436,'fff29ffe-c37d-4f7f-a611-000000000024','ecr.amazonaws.com','DescribeRepositories','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','xx-settle','arn:aws:ecr:xx-settle:123456789012:repository/*','127.0.0.1','',1,NULL,NULL,1);
INSERT INTO "audit" VALUES(37,1795730608287,'fff29ffe-c37d-4f7f-a611-000000000029','ecr.amazonaws.com','SetRepositoryPolicy','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(38,1795730608293,'fff29ffe-c37d-4f7f-a611-00000000002a','ecr.amazonaws.com','SetRepositoryPolicy','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(39,1795730608298,'fff29ffe-c37d-4f7f-a611-00000000002b','ecr.amazonaws.com','PutRegistryPolicy','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(40,1795730608308,'fff29ffe-c37d-4f7f-a611-00000000002c','ecr.amazonaws.com','CreateRepositoryCreationTemplate','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(41,1795730608320,'fff29ffe-c37d-4f7f-a611-00000000002d','ecr.amazonaws.com','PutRegistryScanningConfiguration','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',0,NULL,NULL,1);
INSERT INTO "audit" VALUES(42,1795730608326,'fff29ffe-c37d-4f7f-a611-00000000002e','moorage','CreateAccount','api','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','',0,NULL,'{"name": "other", "account_id": "222233334444"}',1);
INSERT INTO "audit" VALUES(43,1795730608334,'fff29ffe-c37d-4f7f-a611-00000000002f','moorage','CreateToken','api','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','',0,NULL,'{"name": "reader", "lifetime_seconds": "31536000", "scope": "{\"repositories\": [\"release/*\"], \"actions\": [\"pull\"]}"}',1);
INSERT INTO "audit" VALUES(44,1795730608267,'fff29ffe-c37d-4f7f-a611-000000000025','ecr.amazonaws.com','ListImages','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',1,NULL,NULL,2);
INSERT INTO "audit" VALUES(45,1795730608273,'fff29ffe-c37d-4f7f-a611-000000000026','ecr.amazonaws.com','ListImages','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',1,NULL,NULL,2);
INSERT INTO "audit" VALUES(46,1795730608339,'fff29ffe-c37d-4f7f-a611-000000000030','ecr.amazonaws.com','GetRepositoryPolicy','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/fixed','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',1,NULL,NULL,1);
INSERT INTO "audit" VALUES(47,1795730608342,'fff29ffe-c37d-4f7f-a611-000000000031','ecr.amazonaws.com','GetRepositoryPolicy','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','arn:aws:ecr:us-east-1:123456789012:repository/release/app','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',1,NULL,NULL,1);
INSERT INTO "audit" VALUES(48,1795730608346,'fff29ffe-c37d-4f7f-a611-000000000032','ecr.amazonaws.com','GetRegistryPolicy','aws','123456789012','arn:aws:iam::123456789012:root','AKIAMOORAGETESTROOT1','us-east-1','*','127.0.0.1','Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44-fc-v657 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/Z,N,e,b,E cfg/retry-mode#standard Botocore/1.44.5',1,NULL,NULL,1);
CREATE TABLE blob_digests (
	digest TEXT NOT NULL, 
	blob_id INTEGER NOT NULL, 
	CONSTRAINT pk_blob_digests PRIMARY KEY (digest), 
	CONSTRAINT fk_blob_digests_blob_id FOREIGN KEY(blob_id) REFERENCES blobs (id) ON DELETE CASCADE
);
INSERT INTO "blob_digests" VALUES('sha256:e7d9075ba2ad5b25324a33c8fa54ff92031ac1d7fdfadd8acc5ce7c66bd32d57',1);
INSERT INTO "blob_digests" VALUES('sha256:6e714c10f1cd899ab52df163aaf084dd09875808b856b4c05b42dbff3eef9ac6',2);
INSERT INTO "blob_digests" VALUES('sha256:27528a7d389f7140874382aa0ee61b2437e2997cebd61f0633a3ddb82645c116',3);
INSERT INTO "blob_digests" VALUES('sha256:6ce38b942dc8d8d93ec024dac4ef82d247ce79d2ed5bdbab24ce816dd27ff1ae',4);
INSERT INTO "blob_digests" VALUES('sha256:0be4a00997fbab5a79305cb8084cc85219da0c96e2763343852deeb761a41387',5);
INSERT INTO "blob_digests" VALUES('sha256:5d34e1d20e2cf40a5d6a711ce37b363b517be47edcc1ea4b775f6e65cbd55933',6);
INSERT INTO "blob_digests" VALUES('sha256:3e75b64f98e1d064dc1b94301a621dd4a7b31d3af7e4a446f276587a186d3e1a',7);
INSERT INTO "blob_digests" VALUES('sha256:ed9493890a20cf029b203b05cab47011e1b3cccf9b376ddf1f43032c27c17e24',8);
INSERT INTO "blob_digests" VALUES('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',9);
INSERT INTO "blob_digests" VALUES('sha256:4a3cdfae6f291c8f544daea5b72905cf9e74c1ed427d831ad0d7ca00c73c794d',10);
INSERT INTO "blob_digests" VALUES('sha256:6fc724cb51f96be66f09664ce2ad1975b5a6a93ff134927b7f0e4e9b7983e3a1',11);
INSERT INTO "blob_digests" VALUES('sha256:25eae032f7345e56aaaf455282ad20976ed0941995c6c95c922dcf1f1b4339ee',12);
INSERT INTO "blob_digests" VALUES('sha256:b784cef2ad463894069d4df7473a77fcf5ee722ddc5bd7d7e7d682834ddc8157',13);
CREATE TABLE blobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	stamped_at INTEGER, 
	CONSTRAINT ck_blobs_size CHECK (size >= 0), 
	CONSTRAINT uq_blobs_key UNIQUE ("key")
);
INSERT INTO "blobs" VALUES(1,'2a7172d9c469b57776a2838695e28129944f9d4c',312,1795730607233,NULL);
INSERT INTO "blobs" VALUES(2,'33b9b8ed0854233be1e4e7280f0f792f0d2d4ea5',109,1795730607243,NULL);
INSERT INTO "blobs" VALUES(3,'0464513322cdd027b98d044b06c6387a0522c6cf',312,1795730607274,NULL);
INSERT INTO "blobs" VALUES(4,'91649e5d501d0b2858843ccabc7da24e875fbe5c',110,1795730607280,NULL);
INSERT INTO "blobs" VALUES(5,'30c05e575bc97e5aa8443eaba37828120b8c66fa',327,1795730607300,NULL);
INSERT INTO "blobs" VALUES(6,'039100c442ad5c21de9e8e278df245237c23b316',105,1795730607306,NULL);
INSERT INTO "blobs" VALUES(7,'4f0d30d504035397a726f24b98c7ea79600a5065',312,1795730607319,NULL);
INSERT INTO "blobs" VALUES(8,'a35bf1a2a0cbf001d1281797653bff3d39c56102',105,1795730607326,NULL);
INSERT INTO "blobs" VALUES(9,'7fcbb78eca824bba6251327188445dd9cf2cdc54',2,1795730607346,NULL);
INSERT INTO "blobs" VALUES(10,'701a57e6a7c70643841314a5ca42d18b6fe55542',6,1795730607352,NULL);
INSERT INTO "blobs" VALUES(11,'fa465841cf11f9c7194aeacdcf155d9f5e7a22b4',312,1795730607381,NULL);
INSERT INTO "blobs" VALUES(12,'f85255f9480eadd182901b3101cdc764bdb72f6b',109,1795730607387,NULL);
INSERT INTO "blobs" VALUES(13,'2697187ccd5fcc6c11415ab650fe3276ed4ab40f',33,1795730607421,NULL);
CREATE TABLE creation_templates (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	registry_id INTEGER NOT NULL, 
	prefix TEXT NOT NULL, 
	applied_for TEXT NOT NULL, 
	description TEXT, 
	tag_mutability TEXT NOT NULL, 
	mutability_exclusions TEXT NOT NULL, 
	encryption_type TEXT NOT NULL, 
	kms_key TEXT, 
	resource_tags TEXT NOT NULL, 
	repository_policy TEXT, 
	lifecycle_policy TEXT, 
	custom_role_arn TEXT, 
	created_at INTEGER NOT NULL, 
	updated_at INTEGER NOT NULL, 
	CONSTRAINT fk_creation_templates_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id) ON DELETE CASCADE, 
	CONSTRAINT uq_creation_templates_registry_id_prefix UNIQUE (registry_id, prefix)
);
INSERT INTO "creation_templates" VALUES(1,1,'made','["CREATE_ON_PUSH"]',NULL,'MUTABLE','[]','AES256',NULL,'{"made": "by-template"}',NULL,NULL,NULL,1795730608308,1795730608308);
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	registry_id INTEGER NOT NULL, 
	repository_id INTEGER, 
	request_id TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT fk_events_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES(1,1795730607205,'Moorage Repository Created',1,1,'fff29ffe-c37d-4f7f-a611-000000000001','{"repository-name": "release/app"}');
INSERT INTO "events" VALUES(2,1795730607216,'Moorage Repository Created',1,2,'fff29ffe-c37d-4f7f-a611-000000000002','{"repository-name": "release/fixed"}');
INSERT INTO "events" VALUES(3,1795730607250,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-000000000006','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3", "action-type": "PUSH", "image-tag": "1.0", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(4,1795730607267,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-000000000007','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3", "action-type": "PUSH", "image-tag": "latest", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(5,1795730607285,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-00000000000a','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:70946aed1c881e032578e442565f5640b08a7ce7e9c5206166406a748110a50d", "action-type": "PUSH", "image-tag": "2.0", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(6,1795730607293,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-00000000000b','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:70946aed1c881e032578e442565f5640b08a7ce7e9c5206166406a748110a50d", "action-type": "PUSH", "image-tag": "latest", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(7,1795730607311,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-00000000000e','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:58e53bb4d7c9378bccd999fc1b215abc196ecff8ba84778de114495ba964a295", "action-type": "PUSH", "image-tag": "", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(8,1795730607331,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-000000000011','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:ea807494bea17f9139ec6e3d02b797a3b345e09efe42c51ee50ac3c6db841041", "action-type": "PUSH", "image-tag": "", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(9,1795730607337,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-000000000012','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:cfe632b940e55c85b61e0fb2d05efd0c7efbf6b3c8c5db6e26592b437f3a64c7", "action-type": "PUSH", "image-tag": "many", "manifest-media-type": "application/vnd.oci.image.index.v1+json"}');
INSERT INTO "events" VALUES(10,1795730607357,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-000000000015','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:6306f00cd2891fb45a4c6a198d253c6424a492153a1d0319e54f35cc842f257b", "action-type": "PUSH", "image-tag": "", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.empty.v1+json"}');
INSERT INTO "events" VALUES(11,1795730607373,'ECR Image Action',1,2,'fff29ffe-c37d-4f7f-a611-000000000018','{"result": "SUCCESS", "repository-name": "release/fixed", "image-digest": "sha256:ea276e283df90f32f3297e4b68e02ec8f8cd5984ea58d09def81f051d1769941", "action-type": "PUSH", "image-tag": "prod-1", "manifest-media-type": "application/vnd.docker.distribution.manifest.v2+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(12,1795730607392,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-00000000001b','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:439e561f66cd2c7df41e3b7332fd7a93426ed5d046c6598d690a358e378ee0f4", "action-type": "PUSH", "image-tag": "gone", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "artifact-media-type": "application/vnd.oci.image.config.v1+json"}');
INSERT INTO "events" VALUES(13,1795730607399,'ECR Image Action',1,1,'fff29ffe-c37d-4f7f-a611-00000000001c','{"result": "SUCCESS", "repository-name": "release/app", "image-digest": "sha256:439e561f66cd2c7df41e3b7332fd7a93426ed5d046c6598d690a358e378ee0f4", "action-type": "DELETE", "manifest-media-type": "application/vnd.oci.image.manifest.v1+json", "image-tag": "gone"}');
INSERT INTO "events" VALUES(14,1795730608287,'Moorage Repository Policy Changed',1,2,'fff29ffe-c37d-4f7f-a611-000000000029','{"repository-name": "release/fixed"}');
INSERT INTO "events" VALUES(15,1795730608293,'Moorage Repository Policy Changed',1,1,'fff29ffe-c37d-4f7f-a611-00000000002a','{"repository-name": "release/app"}');
INSERT INTO "events" VALUES(16,1795730608299,'Moorage Registry Policy Changed',1,NULL,'fff29ffe-c37d-4f7f-a611-00000000002b','{}');
INSERT INTO "events" VALUES(17,1795730608308,'Moorage Repository Creation Template Changed',1,NULL,'fff29ffe-c37d-4f7f-a611-00000000002c','{"prefix": "made"}');
CREATE TABLE garbage (
	"key" TEXT NOT NULL, 
	due_at INTEGER NOT NULL, 
	CONSTRAINT pk_garbage PRIMARY KEY ("key")
);
CREATE TABLE image_children (
	image_id INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	repository_id INTEGER NOT NULL, 
	child_id INTEGER, 
	CONSTRAINT pk_image_children PRIMARY KEY (image_id, digest), 
	CONSTRAINT fk_image_children_image_id FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE, 
	CONSTRAINT fk_image_children_child FOREIGN KEY(repository_id, child_id) REFERENCES images (repository_id, id)
);
INSERT INTO "image_children" VALUES(5,'sha256:58e53bb4d7c9378bccd999fc1b215abc196ecff8ba84778de114495ba964a295',1,3);
INSERT INTO "image_children" VALUES(5,'sha256:ea807494bea17f9139ec6e3d02b797a3b345e09efe42c51ee50ac3c6db841041',1,4);
CREATE TABLE image_layers (
	image_id INTEGER NOT NULL, 
	blob_id INTEGER NOT NULL, 
	repository_id INTEGER NOT NULL, 
	CONSTRAINT pk_image_layers PRIMARY KEY (image_id, blob_id), 
	CONSTRAINT fk_image_layers_image_id FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE, 
	CONSTRAINT fk_image_layers_layers FOREIGN KEY(repository_id, blob_id) REFERENCES layers (repository_id, blob_id)
);
INSERT INTO "image_layers" VALUES(1,1,1);
INSERT INTO "image_layers" VALUES(1,2,1);
INSERT INTO "image_layers" VALUES(2,3,1);
INSERT INTO "image_layers" VALUES(2,4,1);
INSERT INTO "image_layers" VALUES(3,5,1);
INSERT INTO "image_layers" VALUES(3,6,1);
INSERT INTO "image_layers" VALUES(4,8,1);
INSERT INTO "image_layers" VALUES(4,7,1);
INSERT INTO "image_layers" VALUES(6,9,1);
INSERT INTO "image_layers" VALUES(6,10,1);
INSERT INTO "image_layers" VALUES(7,5,2);
INSERT INTO "image_layers" VALUES(7,6,2);
INSERT INTO "image_layers" VALUES(8,11,1);
INSERT INTO "image_layers" VALUES(8,12,1);
CREATE TABLE images (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	repository_id INTEGER NOT NULL, 
	manifest_id INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	artifact_type TEXT, 
	config_media_type TEXT, 
	subject_digest TEXT, 
	annotations TEXT DEFAULT '{}' NOT NULL, 
	size INTEGER NOT NULL, 
	image_size INTEGER NOT NULL, 
	os TEXT, 
	architecture TEXT, 
	variant TEXT, 
	labels TEXT, 
	built_at INTEGER, 
	pushed_at INTEGER NOT NULL, 
	pushed_by TEXT NOT NULL, 
	last_pulled_at INTEGER, 
	removed_at INTEGER, 
	removed_by TEXT, 
	CONSTRAINT fk_images_manifest_id FOREIGN KEY(manifest_id) REFERENCES manifests (id), 
	CONSTRAINT fk_images_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE, 
	CONSTRAINT uq_images_repository_id_digest UNIQUE (repository_id, digest), 
	CONSTRAINT uq_images_repository_id_id UNIQUE (repository_id, id)
);
INSERT INTO "images" VALUES(1,1,1,'sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json','application/vnd.oci.image.config.v1+json',NULL,'{"note": "first"}',432,421,'linux','amd64',NULL,NULL,1767323045000,1795730607250,'arn:aws:iam::123456789012:root',1795730607434,NULL,NULL);
INSERT INTO "images" VALUES(2,1,2,'sha256:70946aed1c881e032578e442565f5640b08a7ce7e9c5206166406a748110a50d','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json','application/vnd.oci.image.config.v1+json',NULL,'{}',401,422,'linux','amd64',NULL,NULL,1767323045000,1795730607285,'arn:aws:iam::123456789012:root',NULL,NULL,NULL);
INSERT INTO "images" VALUES(3,1,3,'sha256:58e53bb4d7c9378bccd999fc1b215abc196ecff8ba84778de114495ba964a295','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json','application/vnd.oci.image.config.v1+json',NULL,'{}',401,432,'linux','amd64',NULL,'{"who": "release"}',1767323045000,1795730607311,'arn:aws:iam::123456789012:root',NULL,NULL,NULL);
INSERT INTO "images" VALUES(4,1,4,'sha256:ea807494bea17f9139ec6e3d02b797a3b345e09efe42c51ee50ac3c6db841041','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json','application/vnd.oci.image.config.v1+json',NULL,'{}',401,417,'linux','arm64',NULL,NULL,1767323045000,1795730607331,'arn:aws:iam::123456789012:root',NULL,NULL,NULL);
INSERT INTO "images" VALUES(5,1,5,'sha256:cfe632b940e55c85b61e0fb2d05efd0c7efbf6b3c8c5db6e26592b437f3a64c7','application/vnd.oci.image.index.v1+json',NULL,NULL,NULL,'{}',491,432,NULL,NULL,NULL,NULL,NULL,1795730607337,'arn:aws:iam::123456789012:root',NULL,NULL,NULL);
INSERT INTO "images" VALUES(6,1,6,'sha256:6306f00cd2891fb45a4c6a198d253c6424a492153a1d0319e54f35cc842f257b','application/vnd.oci.image.manifest.v1+json','application/vnd.example.signature','application/vnd.oci.empty.v1+json','sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3','{}',571,8,NULL,NULL,NULL,NULL,NULL,1795730607357,'arn:aws:iam::123456789012:root',NULL,NULL,NULL);
INSERT INTO "images" VALUES(7,2,7,'sha256:ea276e283df90f32f3297e4b68e02ec8f8cd5984ea58d09def81f051d1769941','application/vnd.docker.distribution.manifest.v2+json','application/vnd.oci.image.config.v1+json','application/vnd.oci.image.config.v1+json',NULL,'{}',411,432,'linux','amd64',NULL,'{"who": "release"}',1767323045000,1795730607373,'arn:aws:iam::123456789012:root',NULL,NULL,NULL);
INSERT INTO "images" VALUES(8,1,8,'sha256:439e561f66cd2c7df41e3b7332fd7a93426ed5d046c6598d690a358e378ee0f4','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json','application/vnd.oci.image.config.v1+json',NULL,'{}',401,421,'linux','amd64',NULL,NULL,1767323045000,1795730607392,'arn:aws:iam::123456789012:root',NULL,1795730607399,'arn:aws:iam::123456789012:root');
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT NOT NULL, 
	payload TEXT DEFAULT '{}' NOT NULL, 
	run_at INTEGER NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	claimed_by TEXT, 
	claimed_until INTEGER, 
	dead_at INTEGER, 
	last_error TEXT, 
	created_at INTEGER NOT NULL
);
CREATE TABLE layers (
	repository_id INTEGER NOT NULL, 
	blob_id INTEGER NOT NULL, 
	media_type TEXT, 
	linked_at INTEGER NOT NULL, 
	removed_at INTEGER, 
	stamped_at INTEGER, 
	CONSTRAINT pk_layers PRIMARY KEY (repository_id, blob_id), 
	CONSTRAINT fk_layers_blob_id FOREIGN KEY(blob_id) REFERENCES blobs (id), 
	CONSTRAINT fk_layers_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "layers" VALUES(1,1,'application/vnd.oci.image.config.v1+json',1795730607233,NULL,NULL);
INSERT INTO "layers" VALUES(1,2,'application/vnd.oci.image.layer.v1.tar+gzip',1795730607243,NULL,NULL);
INSERT INTO "layers" VALUES(1,3,'application/vnd.oci.image.config.v1+json',1795730607274,NULL,NULL);
INSERT INTO "layers" VALUES(1,4,'application/vnd.oci.image.layer.v1.tar+gzip',1795730607280,NULL,NULL);
INSERT INTO "layers" VALUES(1,5,'application/vnd.oci.image.config.v1+json',1795730607300,NULL,NULL);
INSERT INTO "layers" VALUES(1,6,'application/vnd.oci.image.layer.v1.tar+gzip',1795730607306,NULL,NULL);
INSERT INTO "layers" VALUES(1,7,'application/vnd.oci.image.config.v1+json',1795730607319,NULL,NULL);
INSERT INTO "layers" VALUES(1,8,'application/vnd.oci.image.layer.v1.tar+gzip',1795730607326,NULL,NULL);
INSERT INTO "layers" VALUES(1,9,'application/vnd.oci.empty.v1+json',1795730607346,NULL,NULL);
INSERT INTO "layers" VALUES(1,10,'text/plain',1795730607352,NULL,NULL);
INSERT INTO "layers" VALUES(2,5,'application/vnd.oci.image.config.v1+json',1795730607364,NULL,NULL);
INSERT INTO "layers" VALUES(2,6,'application/vnd.oci.image.layer.v1.tar+gzip',1795730607369,NULL,NULL);
INSERT INTO "layers" VALUES(1,11,'application/vnd.oci.image.config.v1+json',1795730607381,1795730607399,NULL);
INSERT INTO "layers" VALUES(1,12,'application/vnd.oci.image.layer.v1.tar+gzip',1795730607387,1795730607399,NULL);
INSERT INTO "layers" VALUES(1,13,NULL,1795730607421,NULL,1795730607421);
CREATE TABLE lifecycle_policies (
	repository_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	set_at INTEGER NOT NULL, 
	CONSTRAINT pk_lifecycle_policies PRIMARY KEY (repository_id), 
	CONSTRAINT fk_lifecycle_policies_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
CREATE TABLE manifests (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	digest TEXT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT uq_manifests_digest UNIQUE (digest)
);
INSERT INTO "manifests" VALUES(1,'sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A65376439303735626132616435623235333234613333633866613534666639323033316163316437666466616464386163633563653763363662643332643537222C2273697A65223A3331327D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A36653731346331306631636438393961623532646631363361616630383464643039383735383038623835366234633035623432646266663365656639616336222C2273697A65223A3130397D5D2C22616E6E6F746174696F6E73223A7B226E6F7465223A226669727374227D7D');
INSERT INTO "manifests" VALUES(2,'sha256:70946aed1c881e032578e442565f5640b08a7ce7e9c5206166406a748110a50d',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A32373532386137643338396637313430383734333832616130656536316232343337653239393763656264363166303633336133646462383236343563313136222C2273697A65223A3331327D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A36636533386239343264633864386439336563303234646163346566383264323437636537396432656435626462616232346365383136646432376666316165222C2273697A65223A3131307D5D7D');
INSERT INTO "manifests" VALUES(3,'sha256:58e53bb4d7c9378bccd999fc1b215abc196ecff8ba84778de114495ba964a295',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A30626534613030393937666261623561373933303563623830383463633835323139646130633936653237363333343338353264656562373631613431333837222C2273697A65223A3332377D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A35643334653164323065326366343061356436613731316365333762333633623531376265343765646363316561346237373566366536356362643535393333222C2273697A65223A3130357D5D7D');
INSERT INTO "manifests" VALUES(4,'sha256:ea807494bea17f9139ec6e3d02b797a3b345e09efe42c51ee50ac3c6db841041',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A33653735623634663938653164303634646331623934333031613632316464346137623331643361663765346134343666323736353837613138366433653161222C2273697A65223A3331327D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A65643934393338393061323063663032396232303362303563616234373031316531623363636366396233373664646631663433303332633237633137653234222C2273697A65223A3130357D5D7D');
INSERT INTO "manifests" VALUES(5,'sha256:cfe632b940e55c85b61e0fb2d05efd0c7efbf6b3c8c5db6e26592b437f3a64c7',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E696E6465782E76312B6A736F6E222C226D616E696665737473223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A35386535336262346437633933373862636364393939666331623231356162633139366563666638626138343737386465313134343935626139363461323935222C2273697A65223A3430312C22706C6174666F726D223A7B22617263686974656374757265223A22616D643634222C226F73223A226C696E7578227D7D2C7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A65613830373439346265613137663931333965633665336430326237393761336233343565303965666534326335316565353061633363366462383431303431222C2273697A65223A3430312C22706C6174666F726D223A7B22617263686974656374757265223A2261726D3634222C226F73223A226C696E7578227D7D5D7D');
INSERT INTO "manifests" VALUES(6,'sha256:6306f00cd2891fb45a4c6a198d253c6424a492153a1d0319e54f35cc842f257b',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E656D7074792E76312B6A736F6E222C22646967657374223A227368613235363A34343133366661333535623336373861313134366164313666376538363439653934666234666332316665373765383331306330363066363163616166663861222C2273697A65223A327D2C226C6179657273223A5B7B226D6564696154797065223A22746578742F706C61696E222C22646967657374223A227368613235363A34613363646661653666323931633866353434646165613562373239303563663965373463316564343237643833316164306437636130306337336337393464222C2273697A65223A367D5D2C22617274696661637454797065223A226170706C69636174696F6E2F766E642E6578616D706C652E7369676E6174757265222C227375626A656374223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A35373530333331323935363736333435396631373063306131306633626665633231346262303638356562383734636630663939356437373934366363666333222C2273697A65223A3433327D7D');
INSERT INTO "manifests" VALUES(7,'sha256:ea276e283df90f32f3297e4b68e02ec8f8cd5984ea58d09def81f051d1769941',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E646F636B65722E646973747269627574696F6E2E6D616E69666573742E76322B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A30626534613030393937666261623561373933303563623830383463633835323139646130633936653237363333343338353264656562373631613431333837222C2273697A65223A3332377D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A35643334653164323065326366343061356436613731316365333762333633623531376265343765646363316561346237373566366536356362643535393333222C2273697A65223A3130357D5D7D');
INSERT INTO "manifests" VALUES(8,'sha256:439e561f66cd2c7df41e3b7332fd7a93426ed5d046c6598d690a358e378ee0f4',X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A36666337323463623531663936626536366630393636346365326164313937356235613661393366663133343932376237663065346539623739383365336131222C2273697A65223A3331327D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A32356561653033326637333435653536616161663435353238326164323039373665643039343139393563366339356339323264636631663162343333396565222C2273697A65223A3130397D5D7D');
CREATE TABLE pull_time_exclusions (
	registry_id INTEGER NOT NULL, 
	principal_arn TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	CONSTRAINT pk_pull_time_exclusions PRIMARY KEY (registry_id, principal_arn), 
	CONSTRAINT fk_pull_time_exclusions_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id) ON DELETE CASCADE
);
INSERT INTO "pull_time_exclusions" VALUES(1,'arn:aws:iam::123456789012:role/scanner',1);
CREATE TABLE registries (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	service TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	CONSTRAINT fk_registries_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_registries_service_account_id_region UNIQUE (service, account_id, region)
);
INSERT INTO "registries" VALUES(1,'private','123456789012','us-east-1',1795730606992);
CREATE TABLE registry_policies (
	registry_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	set_at INTEGER NOT NULL, 
	CONSTRAINT pk_registry_policies PRIMARY KEY (registry_id), 
	CONSTRAINT fk_registry_policies_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id) ON DELETE CASCADE
);
INSERT INTO "registry_policies" VALUES(1,'{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "222233334444"
    },
    "Action" : "ecr:ReplicateImage",
    "Resource" : "arn:aws:ecr:us-east-1:123456789012:repository/*"
  } ]
}',1795730608299);
CREATE TABLE repositories (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	registry_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	created_by TEXT NOT NULL, 
	tag_mutability TEXT DEFAULT 'MUTABLE' NOT NULL, 
	mutability_exclusions TEXT DEFAULT '[]' NOT NULL, 
	scan_on_push BOOLEAN DEFAULT 0 NOT NULL, 
	encryption_type TEXT DEFAULT 'AES256' NOT NULL, 
	kms_key TEXT, 
	CONSTRAINT fk_repositories_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id), 
	CONSTRAINT uq_repositories_registry_id_name UNIQUE (registry_id, name)
);
INSERT INTO "repositories" VALUES(1,1,'release/app',1795730607205,'arn:aws:iam::123456789012:root','MUTABLE','[]',1,'AES256',NULL);
INSERT INTO "repositories" VALUES(2,1,'release/fixed',1795730607216,'arn:aws:iam::123456789012:root','IMMUTABLE_WITH_EXCLUSION','["dev-*"]',0,'KMS','arn:aws:kms:us-east-1:123456789012:alias/aws/ecr');
CREATE TABLE repository_policies (
	repository_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	set_at INTEGER NOT NULL, 
	CONSTRAINT pk_repository_policies PRIMARY KEY (repository_id), 
	CONSTRAINT fk_repository_policies_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "repository_policies" VALUES(1,'{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage" ]
  } ]
}',1795730608293);
INSERT INTO "repository_policies" VALUES(2,'{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Effect" : "Allow",
    "Sid" : "pullers",
    "Principal" : {
      "AWS" : "222233334444"
    },
    "Action" : "ecr:BatchGetImage"
  } ]
}',1795730608287);
CREATE TABLE resource_tags (
	repository_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_resource_tags PRIMARY KEY (repository_id, "key"), 
	CONSTRAINT fk_resource_tags_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "resource_tags" VALUES(1,'team','harbour');
CREATE TABLE scanning_configurations (
	registry_id INTEGER NOT NULL, 
	scan_type TEXT NOT NULL, 
	rules TEXT NOT NULL, 
	CONSTRAINT pk_scanning_configurations PRIMARY KEY (registry_id), 
	CONSTRAINT fk_scanning_configurations_registry_id FOREIGN KEY(registry_id) REFERENCES registries (id) ON DELETE CASCADE
);
INSERT INTO "scanning_configurations" VALUES(1,'BASIC','[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "release/*", "filterType": "WILDCARD"}]}]');
CREATE TABLE schedule (
	name TEXT NOT NULL, 
	next_at INTEGER NOT NULL, 
	CONSTRAINT pk_schedule PRIMARY KEY (name)
);
INSERT INTO "schedule" VALUES('reap-uploads',1795731207051);
INSERT INTO "schedule" VALUES('purge-tokens',1795734207051);
INSERT INTO "schedule" VALUES('purge-events',1795734207051);
INSERT INTO "schedule" VALUES('purge-audit',1795734207051);
INSERT INTO "schedule" VALUES('purge-images',1795731207051);
INSERT INTO "schedule" VALUES('purge-dead-jobs',1795734207051);
INSERT INTO "schedule" VALUES('drop-repositories',1795731207051);
INSERT INTO "schedule" VALUES('collect',1795731207051);
INSERT INTO "schedule" VALUES('fold-usage',1795730667051);
CREATE TABLE tag_history (
	id INTEGER NOT NULL, 
	repository_id INTEGER NOT NULL, 
	tag TEXT NOT NULL, 
	moved_at INTEGER NOT NULL, 
	moved_by TEXT NOT NULL, 
	from_digest TEXT, 
	to_digest TEXT, 
	CONSTRAINT pk_tag_history PRIMARY KEY (id), 
	CONSTRAINT fk_tag_history_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "tag_history" VALUES(1,1,'1.0',1795730607250,'arn:aws:iam::123456789012:root',NULL,'sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3');
INSERT INTO "tag_history" VALUES(2,1,'latest',1795730607267,'arn:aws:iam::123456789012:root',NULL,'sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3');
INSERT INTO "tag_history" VALUES(3,1,'2.0',1795730607285,'arn:aws:iam::123456789012:root',NULL,'sha256:70946aed1c881e032578e442565f5640b08a7ce7e9c5206166406a748110a50d');
INSERT INTO "tag_history" VALUES(4,1,'latest',1795730607293,'arn:aws:iam::123456789012:root','sha256:57503312956763459f170c0a10f3bfec214bb0685eb874cf0f995d77946ccfc3','sha256:70946aed1c881e032578e442565f5640b08a7ce7e9c5206166406a748110a50d');
INSERT INTO "tag_history" VALUES(5,1,'many',1795730607337,'arn:aws:iam::123456789012:root',NULL,'sha256:cfe632b940e55c85b61e0fb2d05efd0c7efbf6b3c8c5db6e26592b437f3a64c7');
INSERT INTO "tag_history" VALUES(6,2,'prod-1',1795730607373,'arn:aws:iam::123456789012:root',NULL,'sha256:ea276e283df90f32f3297e4b68e02ec8f8cd5984ea58d09def81f051d1769941');
INSERT INTO "tag_history" VALUES(7,1,'gone',1795730607392,'arn:aws:iam::123456789012:root',NULL,'sha256:439e561f66cd2c7df41e3b7332fd7a93426ed5d046c6598d690a358e378ee0f4');
INSERT INTO "tag_history" VALUES(8,1,'gone',1795730607399,'arn:aws:iam::123456789012:root','sha256:439e561f66cd2c7df41e3b7332fd7a93426ed5d046c6598d690a358e378ee0f4',NULL);
CREATE TABLE tags (
	repository_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	image_id INTEGER NOT NULL, 
	moved_at INTEGER NOT NULL, 
	CONSTRAINT pk_tags PRIMARY KEY (repository_id, name), 
	CONSTRAINT fk_tags_image FOREIGN KEY(repository_id, image_id) REFERENCES images (repository_id, id), 
	CONSTRAINT fk_tags_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "tags" VALUES(1,'1.0',1,1795730607250);
INSERT INTO "tags" VALUES(1,'latest',2,1795730607293);
INSERT INTO "tags" VALUES(1,'2.0',2,1795730607285);
INSERT INTO "tags" VALUES(1,'many',5,1795730607337);
INSERT INTO "tags" VALUES(2,'prod-1',7,1795730607373);
CREATE TABLE tokens (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	hash BLOB NOT NULL, 
	access_key_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	expires_at INTEGER NOT NULL, 
	last_used_at INTEGER, name TEXT, scope TEXT, 
	CONSTRAINT fk_tokens_access_key_id FOREIGN KEY(access_key_id) REFERENCES access_keys (id) ON DELETE CASCADE, 
	CONSTRAINT uq_tokens_hash UNIQUE (hash)
);
INSERT INTO "tokens" VALUES(754989134447390353,X'291A1A14E7297895D8EA64D97CDDD0328437521E4CC3E931D8262B731876A58E','AKIAMOORAGETESTROOT1','us-east-1',1795730607426,1795773807426,1795730607434,NULL,NULL);
INSERT INTO "tokens" VALUES(1237490222032229535,X'A8E002ADB3893A69E9858641542935151375DD04242D8C52405A317EBD44F66D','AKIAMOORAGETESTROOT1','us-east-1',1795730608335,1827266608335,NULL,'reader','{"repositories": ["release/*"], "actions": ["pull"]}');
INSERT INTO "tokens" VALUES(2249157645165174967,X'0BFCB4DF6E8C7DE12795E9B1AF6A20E5A91158E69541A16FD84907D0A9F6F1B8','AKIAMOORAGETESTROOT1','us-east-1',1795730607221,1795773807221,1795730607384,NULL,NULL);
CREATE TABLE uploads (
	id TEXT NOT NULL, 
	repository_id INTEGER NOT NULL, 
	principal_arn TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	algorithm TEXT NOT NULL, 
	created_at INTEGER NOT NULL, 
	expires_at INTEGER NOT NULL, 
	parts INTEGER DEFAULT '0' NOT NULL, 
	short_parts INTEGER DEFAULT '0' NOT NULL, 
	last_part INTEGER DEFAULT '0' NOT NULL, 
	digest TEXT, 
	blob_id INTEGER, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT fk_uploads_blob_id FOREIGN KEY(blob_id) REFERENCES blobs (id) ON DELETE SET NULL, 
	CONSTRAINT fk_uploads_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE, 
	CONSTRAINT uq_uploads_key UNIQUE ("key")
);
INSERT INTO "uploads" VALUES('40446513-182b-41d9-bb7b-f384442a590a',1,'arn:aws:iam::123456789012:root','2a7172d9c469b57776a2838695e28129944f9d4c','sha256',1795730607225,1795734207233,0,0,0,'sha256:e7d9075ba2ad5b25324a33c8fa54ff92031ac1d7fdfadd8acc5ce7c66bd32d57',1);
INSERT INTO "uploads" VALUES('d8972bbc-4ea1-46d4-a4d7-513795316821',1,'arn:aws:iam::123456789012:root','33b9b8ed0854233be1e4e7280f0f792f0d2d4ea5','sha256',1795730607240,1795734207243,0,0,0,'sha256:6e714c10f1cd899ab52df163aaf084dd09875808b856b4c05b42dbff3eef9ac6',2);
INSERT INTO "uploads" VALUES('836745f2-e4ae-4b46-b42d-6142dd25c120',1,'arn:aws:iam::123456789012:root','0464513322cdd027b98d044b06c6387a0522c6cf','sha256',1795730607271,1795734207274,0,0,0,'sha256:27528a7d389f7140874382aa0ee61b2437e2997cebd61f0633a3ddb82645c116',3);
INSERT INTO "uploads" VALUES('591c0973-fa1b-416b-b1b7-c73a94e4066d',1,'arn:aws:iam::123456789012:root','91649e5d501d0b2858843ccabc7da24e875fbe5c','sha256',1795730607277,1795734207280,0,0,0,'sha256:6ce38b942dc8d8d93ec024dac4ef82d247ce79d2ed5bdbab24ce816dd27ff1ae',4);
INSERT INTO "uploads" VALUES('03cacf46-efe1-4c8e-84bf-5cc8b0af5583',1,'arn:aws:iam::123456789012:root','30c05e575bc97e5aa8443eaba37828120b8c66fa','sha256',1795730607297,1795734207300,0,0,0,'sha256:0be4a00997fbab5a79305cb8084cc85219da0c96e2763343852deeb761a41387',5);
INSERT INTO "uploads" VALUES('01e4be2e-3b84-4f0c-8daa-72bab5fd7bb0',1,'arn:aws:iam::123456789012:root','039100c442ad5c21de9e8e278df245237c23b316','sha256',1795730607303,1795734207306,0,0,0,'sha256:5d34e1d20e2cf40a5d6a711ce37b363b517be47edcc1ea4b775f6e65cbd55933',6);
INSERT INTO "uploads" VALUES('bb68acae-f9f8-43ff-a384-94271a1591b5',1,'arn:aws:iam::123456789012:root','4f0d30d504035397a726f24b98c7ea79600a5065','sha256',1795730607316,1795734207319,0,0,0,'sha256:3e75b64f98e1d064dc1b94301a621dd4a7b31d3af7e4a446f276587a186d3e1a',7);
INSERT INTO "uploads" VALUES('fdba698c-448f-44e8-8bdd-b6d180444de0',1,'arn:aws:iam::123456789012:root','a35bf1a2a0cbf001d1281797653bff3d39c56102','sha256',1795730607323,1795734207326,0,0,0,'sha256:ed9493890a20cf029b203b05cab47011e1b3cccf9b376ddf1f43032c27c17e24',8);
INSERT INTO "uploads" VALUES('2c980dac-216b-4fb8-a32b-f5af84721c3b',1,'arn:aws:iam::123456789012:root','7fcbb78eca824bba6251327188445dd9cf2cdc54','sha256',1795730607343,1795734207346,0,0,0,'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',9);
INSERT INTO "uploads" VALUES('5783e967-6b85-48ef-a0f3-b986fc9700d5',1,'arn:aws:iam::123456789012:root','701a57e6a7c70643841314a5ca42d18b6fe55542','sha256',1795730607349,1795734207352,0,0,0,'sha256:4a3cdfae6f291c8f544daea5b72905cf9e74c1ed427d831ad0d7ca00c73c794d',10);
INSERT INTO "uploads" VALUES('e3d35787-2a6b-4a68-8f1a-01026f3e1db7',2,'arn:aws:iam::123456789012:root','3afa302fd34bf36d76e59cd9b7ba102c12762f96','sha256',1795730607362,1795734207364,0,0,0,'sha256:0be4a00997fbab5a79305cb8084cc85219da0c96e2763343852deeb761a41387',5);
INSERT INTO "uploads" VALUES('6e9fd4d2-04c1-47ca-8c69-ef8a2adb4178',2,'arn:aws:iam::123456789012:root','1a8ccd7dd4e2ab0d33dbbe142f1992c33ec84453','sha256',1795730607367,1795734207369,0,0,0,'sha256:5d34e1d20e2cf40a5d6a711ce37b363b517be47edcc1ea4b775f6e65cbd55933',6);
INSERT INTO "uploads" VALUES('f76efcb1-c5bd-4d62-a1d5-23e0645095f4',1,'arn:aws:iam::123456789012:root','fa465841cf11f9c7194aeacdcf155d9f5e7a22b4','sha256',1795730607379,1795734207381,0,0,0,'sha256:6fc724cb51f96be66f09664ce2ad1975b5a6a93ff134927b7f0e4e9b7983e3a1',11);
INSERT INTO "uploads" VALUES('85b4e684-166c-4956-9c34-72d875adcfa5',1,'arn:aws:iam::123456789012:root','f85255f9480eadd182901b3101cdc764bdb72f6b','sha256',1795730607384,1795734207387,0,0,0,'sha256:25eae032f7345e56aaaf455282ad20976ed0941995c6c95c922dcf1f1b4339ee',12);
INSERT INTO "uploads" VALUES('46503524-b045-4160-9c10-fcd1738cde47',1,'arn:aws:iam::123456789012:root','2697187ccd5fcc6c11415ab650fe3276ed4ab40f','sha256',1795730607408,1795734207421,1,1,33,'sha256:b784cef2ad463894069d4df7473a77fcf5ee722ddc5bd7d7e7d682834ddc8157',13);
INSERT INTO "uploads" VALUES('ef0b6747-adba-4a81-a3d8-ec44b9f8a98b',1,'arn:aws:iam::123456789012:root','8fa2fa164b4fa2c32c000b9acdbc4d34e60bca98','sha256',1795730607428,1796335407428,1,1,5,NULL,NULL);
CREATE TABLE usage (
	repository_id INTEGER NOT NULL, 
	images INTEGER DEFAULT '0' NOT NULL, 
	bytes INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_usage PRIMARY KEY (repository_id), 
	CONSTRAINT fk_usage_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "usage" VALUES(1,0,0);
INSERT INTO "usage" VALUES(2,0,0);
CREATE TABLE usage_deltas (
	id INTEGER NOT NULL, 
	repository_id INTEGER NOT NULL, 
	images INTEGER NOT NULL, 
	bytes INTEGER NOT NULL, 
	CONSTRAINT pk_usage_deltas PRIMARY KEY (id), 
	CONSTRAINT fk_usage_deltas_repository_id FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);
INSERT INTO "usage_deltas" VALUES(1,1,1,853);
INSERT INTO "usage_deltas" VALUES(2,1,1,823);
INSERT INTO "usage_deltas" VALUES(3,1,1,833);
INSERT INTO "usage_deltas" VALUES(4,1,1,818);
INSERT INTO "usage_deltas" VALUES(5,1,1,491);
INSERT INTO "usage_deltas" VALUES(6,1,1,579);
INSERT INTO "usage_deltas" VALUES(7,2,1,843);
INSERT INTO "usage_deltas" VALUES(8,1,1,822);
INSERT INTO "usage_deltas" VALUES(9,1,-1,-822);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_blobs_stamped ON blobs (stamped_at) WHERE stamped_at IS NOT NULL;
CREATE INDEX ix_jobs_due ON jobs (run_at) WHERE dead_at IS NULL;
CREATE INDEX ix_blob_digests_blob_id ON blob_digests (blob_id);
CREATE INDEX ix_events_at ON events (at);
CREATE INDEX ix_tokens_expires_at ON tokens (expires_at);
CREATE INDEX ix_images_manifest_id ON images (manifest_id);
CREATE INDEX ix_images_removed ON images (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX ix_images_subject ON images (repository_id, subject_digest) WHERE subject_digest IS NOT NULL;
CREATE INDEX ix_layers_blob_id ON layers (blob_id);
CREATE INDEX ix_layers_stamped ON layers (stamped_at) WHERE stamped_at IS NOT NULL;
CREATE INDEX ix_tag_history_tag ON tag_history (repository_id, tag, id);
CREATE INDEX ix_uploads_expires_at ON uploads (expires_at);
CREATE INDEX ix_uploads_open ON uploads (principal_arn) WHERE digest IS NULL;
CREATE INDEX ix_uploads_repository_id ON uploads (repository_id);
CREATE INDEX ix_usage_deltas_repository_id ON usage_deltas (repository_id);
CREATE INDEX ix_image_children_child ON image_children (child_id);
CREATE INDEX ix_image_children_digest ON image_children (repository_id, digest);
CREATE INDEX ix_image_layers_layer ON image_layers (repository_id, blob_id);
CREATE INDEX ix_tags_image ON tags (image_id);
CREATE INDEX ix_tokens_access_key_id ON tokens (access_key_id);
CREATE INDEX ix_images_kept ON images (repository_id, removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX ix_images_pushed ON images (repository_id, pushed_at) WHERE removed_at IS NULL;
CREATE INDEX ix_images_pulled ON images (repository_id, last_pulled_at) WHERE removed_at IS NULL;
CREATE INDEX ix_tag_history_lost ON tag_history (repository_id, from_digest) WHERE to_digest IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('registries',1);
INSERT INTO "sqlite_sequence" VALUES('jobs',9);
INSERT INTO "sqlite_sequence" VALUES('repositories',2);
INSERT INTO "sqlite_sequence" VALUES('events',17);
INSERT INTO "sqlite_sequence" VALUES('audit',48);
INSERT INTO "sqlite_sequence" VALUES('tokens',2249157645165174967);
INSERT INTO "sqlite_sequence" VALUES('blobs',13);
INSERT INTO "sqlite_sequence" VALUES('manifests',8);
INSERT INTO "sqlite_sequence" VALUES('images',8);
INSERT INTO "sqlite_sequence" VALUES('creation_templates',1);
COMMIT;
