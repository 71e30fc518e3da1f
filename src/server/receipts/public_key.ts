import * as z from "zod";
import { STATUS_CODE } from "@std/http/status";
import { HttpError, type RouteCode } from "../http/mod.ts";

/** `GET /api/receipts/key` */
export const publicKey: RouteCode = {
  answer: z.object({
    id: z.string(),
    algorithm: z.literal("Ed25519"),
    public_key: z.string().describe("32 bytes in base64url"),
  }),
  async handle({ context: { receipts } }) {
    if (receipts === undefined) {
      throw new HttpError(STATUS_CODE.NotFound, "This server makes no receipts");
    }
    const { id, publicText } = await receipts.publicKey();
    return Response.json({ id, algorithm: "Ed25519", public_key: publicText });
  },
};
