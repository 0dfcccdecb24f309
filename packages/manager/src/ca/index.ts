export { type CertificateRequest, createCsr } from "./create-csr.ts";
export { certificateExpiryMs, type IssueOptions, issueCertificate } from "./issue-certificate.ts";
export { identityOf, type NodeIdentity } from "./node-identity.ts";
export { createRootCa, type RootCa } from "./root-ca.ts";
export { tlsInfo } from "./tls-info.ts";
