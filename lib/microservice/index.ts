export class FunqServer {}
